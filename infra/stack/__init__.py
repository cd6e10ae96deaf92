"""The local stack: real PostgreSQL and real Apache Kafka on this machine, without Docker."""
