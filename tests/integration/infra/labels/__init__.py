"""Tests of who makes labels."""
