"""Commands about assignments."""
