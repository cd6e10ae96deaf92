"""The refund ledger: double entry for every cent that goes back."""
