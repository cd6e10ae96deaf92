"""Tests of what auditors ask."""
