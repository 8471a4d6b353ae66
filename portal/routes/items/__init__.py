"""Acts on one assignment that stand on its page."""
