"""Return reasons and rates, and what remedies avoided."""
