"""The worker that has a credit note issued for every refund."""
