"""The command line `rma`: one file a group of commands."""
