"""What outsiders can check: a Merkle tree over the log, signed notes of its size and root, and where both are kept."""
