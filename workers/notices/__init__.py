"""The worker that writes to customers."""
