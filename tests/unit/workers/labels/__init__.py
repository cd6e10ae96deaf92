"""Tests of the label worker."""
