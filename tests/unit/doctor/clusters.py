"""Clusters to examine: answers recorded from a real API server, and changes to them.

`recorded/*.json` is what kube-apiserver 1.34.9 answered for the dev stack on simulated nodes: with every pod running,
with a silent kubelet, and with a node too few after its groups had been made anew three times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from infra.doctor.check import CHECKS, Diagnosis, examine
from infra.doctor.checks import objects  # registers every check
from infra.doctor.expected import Expected
from infra.doctor.kubectl import Kubectl
from infra.doctor.observed import Cluster, Container, Node, Pod
from infra.doctor.reader import read
from infra.plan import resolve
from tests import shipped

__all__ = ["NOW", "cluster", "container", "examined", "expected", "node", "objects", "pod", "replace", "told"]

NOW = datetime(2026, 11, 21, 15, 35, tzinfo=UTC)
FORBIDDEN = 'Error from server (Forbidden): {} is forbidden: User "reader" cannot list resource'


@cache
def expected(stack: str = "dev") -> Expected:
    """What a shipped stack should be."""
    return Expected.of(resolve(shipped.settings(stack)), shipped.recording(stack))


def answers(name: str, asked: list[tuple[str, ...]] | None = None) -> Kubectl:
    """A `kubectl` that answers from a recording; what was not recorded is forbidden."""
    recorded = json.loads((Path(__file__).parent / "recorded" / f"{name}.json").read_text())

    def run(command: Sequence[str]) -> tuple[int, str, str]:
        if asked is not None:
            asked.append(tuple(command))
        if command[1:4] == ("get", "--raw", "/version"):
            return 0, '{"gitVersion": "v1.34.9"}', ""
        found = recorded.get(command[2])
        if isinstance(found, list) and command[1] == "get":
            return 0, json.dumps({"items": found}), ""
        return 1, "", found or FORBIDDEN.format(command[2])

    return Kubectl(run=run)


@cache
def cluster(name: str = "healthy") -> Cluster:
    """A recorded cluster of the dev stack."""
    return read(answers(name), expected(), now=NOW)


def examined(of: Cluster, check: str, stack: str = "dev") -> list[Diagnosis]:
    """What one check says of a cluster."""
    return list(examine(expected(stack), of, [each for each in CHECKS if each.id == check]).diagnoses)


def told(of: Cluster, check: str, stack: str = "dev") -> list[str]:
    """The same in words: `error group 0 of qwen3-8b: ...`."""
    return [f"{one.severity} {one.about}: {one.message}" for one in examined(of, check, stack)]


def node(of: Cluster, name: str, **changes: Any) -> Cluster:
    """The cluster with a node changed."""
    return replace(of, nodes=tuple(replace(each, **changes) if each.name == name else each for each in of.nodes))


def pod(of: Cluster, name: str, **changes: Any) -> Cluster:
    """The cluster with a pod changed."""
    return replace(of, pods=tuple(replace(each, **changes) if each.name == name else each for each in of.pods))


def container(of: Cluster, name: str, **changes: Any) -> Cluster:
    """The cluster with the only container of a pod in another state."""
    found = next(each for each in of.pods if each.name == name)
    return pod(of, name, containers=tuple(replace(each, **changes) for each in found.containers))


def ago(minutes: float) -> datetime:
    """So many minutes before the reading."""
    return NOW - timedelta(minutes=minutes)


def new_pod(name: str, namespace: str = "inference", **changes: Any) -> Pod:
    """A running pod."""
    given: dict[str, Any] = {"labels": {}, "node": "g6-0", "phase": "Running", "ready": True, "created": ago(60)}
    return Pod(namespace=namespace, name=name, **{**given, **changes})


def new_node(name: str, **changes: Any) -> Node:
    """A ready node of no pool."""
    given: dict[str, Any] = {"labels": {}, "taints": frozenset(), "ready": "True"}
    return Node(name=name, **{**given, **changes})


def new_container(name: str = "sglang", **changes: Any) -> Container:
    """A container that runs."""
    return Container(name=name, **changes)
