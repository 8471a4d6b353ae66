"""Assignments (交办件) and all that happens to one."""
