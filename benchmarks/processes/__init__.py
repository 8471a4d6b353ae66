"""Processes that the benchmarks start."""
