"""From messages to letters: claimed, put together, sent, settled."""
