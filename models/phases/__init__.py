"""Opening a phase, and its gate."""
