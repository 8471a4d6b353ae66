"""Messages: decide now, deliver later."""
