"""The processes, the command line `rma`, and the tools behind its commands, each in a folder of its own."""
