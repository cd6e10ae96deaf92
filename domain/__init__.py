"""Pure rules: aggregates, policy, money. No clock, no random, no I/O."""
