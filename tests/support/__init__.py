"""What tests stand on, named for what it gives."""
