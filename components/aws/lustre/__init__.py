"""FSx for Lustre: the file system that holds the weights, its CSI driver, and the volume that pods mount."""
