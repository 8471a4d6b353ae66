"""The archive pack's own checker."""
