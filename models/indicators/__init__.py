"""Readings of the targets, and whether these are met."""
