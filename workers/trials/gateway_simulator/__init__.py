"""A payment gateway of our own, which can be told to misbehave."""
