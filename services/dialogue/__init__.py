"""Talking about an item, one function for each act."""
