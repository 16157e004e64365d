"""How a model's ranks are laid out over GPUs and nodes."""
