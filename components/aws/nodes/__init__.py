"""Nodes: one pool model on two substrates (EKS managed node groups, HyperPod instance groups), and the system pool."""
