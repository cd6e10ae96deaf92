"""Tracking: where each return, line and decision stands."""
