"""What every worker stands on: the loop, reacting to events, the supervisor, the parts of a process."""
