"""Two previews held against each other."""
