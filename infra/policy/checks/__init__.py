"""The checks, a file per theme."""
