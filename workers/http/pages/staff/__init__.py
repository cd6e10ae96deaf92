"""Pages for those who work here: the desk of agents, the bench of the warehouse."""
