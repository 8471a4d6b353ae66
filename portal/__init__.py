"""The pages on which units and the office work. Imports only models and adapters, and never Prefect."""
