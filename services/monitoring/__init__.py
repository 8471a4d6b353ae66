"""Whether the program does what it should: the watchdog, the audit, and figures for Prometheus."""
