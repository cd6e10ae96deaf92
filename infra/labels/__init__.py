"""Who makes labels: ourselves, by numbers of our own, or a service over HTTP."""
