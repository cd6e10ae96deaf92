"""What this machine carries, measured on real parts."""
