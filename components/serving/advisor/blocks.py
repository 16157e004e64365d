"""From a predicted way of serving to the settings that ask for it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from components.serving.advisor.prediction import Candidate, Question, Workers


TCP: Final = "mooncake-tcp"
"""The transport of the KV cache that works everywhere, and is slower than what predictions assume."""


@dataclass(frozen=True, slots=True)
class Place:
    """The node pool on which the model is to run; `rdma`: GPUs of two nodes reach each other's memory."""

    pool: str
    nodes: int
    gpus_per_node: int
    rdma: bool

    @property
    def gpus(self) -> int:
        """GPUs of the pool."""
        return self.nodes * self.gpus_per_node


def units(candidate: Candidate, place: Place, rate: float | None) -> int:
    """How many units of a candidate: what `rate` requests per second take, or as many as the pool holds; 0 where one
    does not fit.
    """
    most = place.gpus // candidate.gpus
    return most if rate is None else min(most, ceil(rate / candidate.rate))


def block(candidate: Candidate, place: Place, question: Question, number: int) -> dict[str, Any] | None:
    """An element of `models` with `number` units; None for a layout that does not divide the pool's nodes."""
    roles = [_role(workers, place, number) for workers in candidate.serving]
    if any(role is None for role in roles):
        return None
    head = {
        "name": re.sub(r"[^a-z0-9]+", "-", question.model.split("/")[-1].lower()).strip("-")[:48].rstrip("-"),
        "model": question.model,
        # The prediction is for requests of this length.
        "contextLength": ceil((question.input_tokens + question.output_tokens) / 1024) * 1024,
    }
    if not candidate.disaggregated:
        return {**head, "nodePool": place.pool, **(roles[0] or {})}
    transport: dict[str, Any] = {"transport": TCP}
    # Privileged pods see every GPU of their node, so that they share none.
    if place.rdma and all(workers.gpus >= place.gpus_per_node for workers in candidate.serving):
        transport = {"transport": "nixl-libfabric", "privileged": True}
    prefill, decode = ({"nodePool": place.pool, **(role or {})} for role in roles)
    return {**head, "disaggregation": {**transport, "prefill": prefill, "decode": decode}, "router": {}}


def _role(workers: Workers, place: Place, number: int) -> dict[str, Any] | None:
    """Nodes, replicas and ranks of engines of one kind."""
    whole, rest = divmod(workers.gpus, place.gpus_per_node)
    if rest and (whole or place.gpus_per_node % workers.gpus):
        return None
    ranks: dict[str, Any] = {"tensor": workers.tensor}
    if workers.pipeline > 1:
        ranks["pipeline"] = workers.pipeline
    if workers.data > 1:
        ranks |= {"data": workers.data, "dpAttention": True}
    if workers.expert > 1:
        ranks["expert"] = workers.expert
    role: dict[str, Any] = {"nodesPerGroup": max(1, whole), "replicas": workers.count * number, "parallelism": ranks}
    if workers.gpus <= place.gpus_per_node:
        # Said even where it is the whole node, since a smaller share might hold the model too.
        role["packing"] = {"gpusPerPod": workers.gpus}
    return role
