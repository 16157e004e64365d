"""Groups of pods that serve one replica together: one role is one LeaderWorkerSet."""
