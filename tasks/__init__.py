"""Prefect tasks: each calls one service, which does the work; Prefect names and retries it."""
