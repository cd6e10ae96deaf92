"""The worker that tells other systems of events, by webhooks."""
