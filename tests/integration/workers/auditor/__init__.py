"""Tests of it."""
