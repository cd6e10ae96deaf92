"""What an operator does: look, repair, rebuild."""
