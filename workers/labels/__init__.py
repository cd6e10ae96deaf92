"""The worker that has labels made for goods that come back."""
