"""Rules of the engine's pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, Severity
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_LEAST_PROBE_SECONDS = 25
_LEAST_GRACE_SECONDS = 600
_KUBERNETES_TOLERATION_SECONDS = 300


@rules.rule("pods.probe-timeout", source="sglang 0.5.8 entrypoints/http_server.py:452-530: /health")
def probes_wait_for_a_busy_engine(model: ModelSettings) -> Iterator[Finding]:
    """A probe that gives up before the engine kills a group that is only busy."""
    if model.probes.timeout_seconds < _LEAST_PROBE_SECONDS:
        yield Finding(
            "probes.timeoutSeconds",
            f"{model.probes.timeout_seconds} s is less than /health may take under load (20 s and more)",
            f"use {_LEAST_PROBE_SECONDS} or more",
        )


@rules.rule("pods.grace-period", source="sglang 0.5.8 tokenizer_manager.py:2083-2115", severity=Severity.WARNING)
def requests_may_finish(model: ModelSettings) -> Iterator[Finding]:
    """A short grace period cuts long generations at every update."""
    if model.grace_period_seconds < _LEAST_GRACE_SECONDS:
        yield Finding(
            "gracePeriodSeconds",
            f"every update cuts generations that run longer than {model.grace_period_seconds} s",
            f"use {_LEAST_GRACE_SECONDS} to 1800",
        )


@rules.rule("pods.lost-node", source='kubernetes.io, "Taint based Evictions": 300 s', severity=Severity.WARNING)
def lost_nodes_are_given_up_soon(model: ModelSettings) -> Iterator[Finding]:
    """A group waits for the rank on a lost node as long as its pods tolerate the loss."""
    if model.toleration_seconds >= _KUBERNETES_TOLERATION_SECONDS:
        yield Finding(
            "tolerationSeconds",
            f"a lost node stops its group for {model.toleration_seconds} s before anything is done",
            "use 30 or so",
        )
