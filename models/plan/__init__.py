"""The plan (实施方案) and what it names: units, areas, phases, requirements, targets, the ladder."""
