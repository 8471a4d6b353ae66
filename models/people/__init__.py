"""The register of people (人员名册): who holds which post, and how they are reached."""
