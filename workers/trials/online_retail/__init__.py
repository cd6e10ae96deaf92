"""A real shop's sales and returns, taken in as commands."""
