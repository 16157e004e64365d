"""Where an engine's weights come from, and how they get there before a GPU is paid for."""
