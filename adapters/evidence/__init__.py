"""Files that are handed in: looked into, scanned, kept."""
