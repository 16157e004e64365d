"""Models that see and hear: their encoder and its inputs."""
