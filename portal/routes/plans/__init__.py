"""Pages of the plan itself: what changes of it."""
