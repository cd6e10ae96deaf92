"""The worker that fills a read model from the topic of events."""
