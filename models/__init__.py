"""What exists and what may happen to it: every table, every rule, all SQL."""
