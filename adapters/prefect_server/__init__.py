"""Prefect's HTTP API."""
