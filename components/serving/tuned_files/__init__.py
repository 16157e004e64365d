"""Files that somebody tuned: kernels of experts, DeepEP, where experts lie at the start."""
