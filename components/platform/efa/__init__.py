"""The EFA device plugin: it advertises `vpc.amazonaws.com/efa` on the nodes that have EFA interfaces."""
