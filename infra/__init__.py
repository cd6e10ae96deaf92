"""Everything with a socket or a file."""
