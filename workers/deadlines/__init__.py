"""The worker that tells when a deadline has passed."""
