"""Commands about plans, phases and results."""
