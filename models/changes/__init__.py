"""Change sets (方案调整): a plan that changes while its work runs."""
