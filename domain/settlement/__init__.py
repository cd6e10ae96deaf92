"""What is settled with gateways: the payout saga, and differences between their books and ours."""
