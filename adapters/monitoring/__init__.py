"""Services that watch from outside."""
