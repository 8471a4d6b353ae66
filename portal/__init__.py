"""The pages on which units and the office work. Never imports Prefect."""
