"""One effect or one transition each; thin, retried by Prefect."""
