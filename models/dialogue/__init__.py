"""Talking about an item: why it is late and until when it is promised."""
