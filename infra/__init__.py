"""Everything with a socket or a file, and the formats in which bytes go through them."""
