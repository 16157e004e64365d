"""The engine: version and image, its command line for every rank, and its environment."""
