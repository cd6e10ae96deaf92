"""What a person at a desk asks: quotes, matches, differences, dead letters."""
