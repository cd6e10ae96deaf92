"""The processes and the rma command line."""
