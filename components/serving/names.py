"""Names of what goes with a model, and of what the namespace has already. Pure."""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = "inference"
"""Namespace of every engine."""

ROUTER_NAMESPACE: Final = "routers"
"""Namespace of every router."""

ROUTER_ACCOUNT: Final = "router"
"""Service account of the routers, in their namespace."""

ENGINE_ACCOUNT: Final = "engine"
"""Service account of engines that need no AWS permission."""

WEIGHTS_ACCOUNT: Final = "weights"
"""Service account of the weights jobs."""

STAGING_SCRIPT: Final = "weights-staging"
"""ConfigMap with the script that copies weights to a node's NVMe."""

ACCOUNTS: Final = (ENGINE_ACCOUNT, WEIGHTS_ACCOUNT)
"""Service accounts of the namespace itself."""

SERVE: Final = "serve"
"""Role of groups that serve both phases."""

PREFILL: Final = "prefill"
"""Role of groups that read prompts."""

DECODE: Final = "decode"
"""Role of groups that generate."""


def group_name(model: str, role: str) -> str:
    """Name of the LeaderWorkerSet of a role: the model's own where it has one role.

    >>> group_name("r1", SERVE), group_name("r1", PREFILL)
    ('r1', 'r1-prefill')
    """
    return model if role == SERVE else f"{model}-{role}"


def service_name(model: str) -> str:
    """Name of the Service of a model's leaders. The model's own name is taken: LeaderWorkerSet makes a headless Service
    of it that also resolves the workers.
    """
    return f"{model}-api"
