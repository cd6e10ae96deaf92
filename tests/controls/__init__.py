"""Defects that are planted on purpose, one at a time: each has to be found (``python -m tests.controls``)."""
