"""Plans as YAML files."""
