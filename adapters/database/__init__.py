"""PostgreSQL: sessions, and the embedded server."""
