"""Acceptance written as data: reading, playing and judging scenario files."""
