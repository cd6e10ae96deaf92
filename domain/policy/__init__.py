"""The policy engine: a published document, the statutes above it, and one pure function that decides and explains."""
