"""The register of people: entering, changing and ending, Excel, and whether the addresses work."""
