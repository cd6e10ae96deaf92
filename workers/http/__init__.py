"""The door for systems without a Kafka client: an HTTP API that publishes commands, reads views and decides nothing."""
