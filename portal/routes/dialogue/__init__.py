"""Pages on which an item is talked about."""
