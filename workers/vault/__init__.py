"""The worker that opens sealed texts for those who may see them, and writes down who did."""
