"""Tests of the notices worker."""
