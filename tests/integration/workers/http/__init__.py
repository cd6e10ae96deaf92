"""Tests of the HTTP API on a whole system."""
