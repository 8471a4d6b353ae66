"""Commands that run and watch the program."""
