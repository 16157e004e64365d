"""What the platform knows of nodes. Pure data."""

from __future__ import annotations

HEALTH_TOLERATION: dict[str, str] = {"key": "sagemaker.amazonaws.com/node-health-status", "operator": "Exists"}
"""HyperPod taints a node that it tests or will replace; device plugins stay, since the tests need the devices."""
