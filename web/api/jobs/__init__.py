"""Jobs: what was asked for, how far it is, what failed and why."""
