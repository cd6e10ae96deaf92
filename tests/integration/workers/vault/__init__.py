"""Tests of the worker that opens texts."""
