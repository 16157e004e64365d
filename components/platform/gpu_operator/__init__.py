"""The NVIDIA GPU operator: device plugin, feature discovery and the DCGM exporter; drivers come with the node image."""
