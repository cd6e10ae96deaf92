"""The worker that decides: reads commands, loads streams, writes events and answers in one transaction."""
