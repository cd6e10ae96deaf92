"""What auditors ask of the log: whether it is whole, proofs for others, what was known when, who did what."""
