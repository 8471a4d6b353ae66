"""What waits for the leading-group office, a module for each queue."""
