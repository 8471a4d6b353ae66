"""What every table and every rule stands on: columns, errors, statuses, the journal."""
