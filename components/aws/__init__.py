"""The AWS rooms: network, EKS, HyperPod, nodes, FSx for Lustre, identity."""
