"""Read questions: lists, counts and records of any day."""
