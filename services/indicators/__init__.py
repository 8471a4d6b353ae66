"""Figures that units report: entered, brought in by Excel."""
