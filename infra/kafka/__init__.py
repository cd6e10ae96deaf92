"""Kafka: topics, clients, the producer of a lane, and the client that sends commands."""
