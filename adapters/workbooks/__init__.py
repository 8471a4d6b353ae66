"""Excel workbooks that people hand in, read in a process of its own that may only take so much."""
