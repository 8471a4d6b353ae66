"""The register of people: who is in it, changing it, Excel, and trying addresses."""
