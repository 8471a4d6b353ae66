"""What patrol does: escalation, gates, calendars, its own rounds."""
