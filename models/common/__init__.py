"""What all tables and rules share: columns, errors, statuses, the journal."""
