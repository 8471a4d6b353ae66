"""How Duban runs: the command line, the stack, the rehearsal."""
