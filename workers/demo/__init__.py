"""A story in under a minute."""
