"""Whether the program does what it should: alerts, metrics, the audit."""
