"""What people wrote is sealed before it is recorded: which fields, how, and under whose key."""
