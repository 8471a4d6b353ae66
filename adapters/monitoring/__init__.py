"""Those who watch from outside."""
