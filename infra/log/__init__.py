"""The event log in PostgreSQL: events, outcomes, positions, and records that kill a worker."""
