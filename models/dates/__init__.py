"""Days and instants: working days, periods, quiet hours."""
