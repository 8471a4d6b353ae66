"""A plan's whole life, acted out."""
