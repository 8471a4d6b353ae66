"""The services that carry letters."""
