"""Sending letters: the link in each, their text, the workers that send them, and reading what was sent."""
