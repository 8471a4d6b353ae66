"""Measurements, each beside a plain program that does the same in the same run."""
