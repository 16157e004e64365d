"""The checks by theme. Importing this package registers them all, in the order in which findings are told."""

from infra.doctor.check import CHECKS

from infra.doctor.checks import nodes, groups, pods, weights, traffic, platform, objects  # isort: skip

__all__ = ["CHECKS", "groups", "nodes", "objects", "platform", "pods", "traffic", "weights"]
