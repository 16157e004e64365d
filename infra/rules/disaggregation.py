"""Rules of prefill and decode apart that need their nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.rules import Finding, RuleSet, Severity
from components.serving.disaggregation.set_rules import rollout_of
from components.serving.disaggregation.transports import TRANSPORTS, Transport
from components.serving.lookup import facts_of
from components.serving.placement import gpus_per_pod, nodes_needed
from components.words import count
from infra.rules.serving import Placed, at_most, nodes_together, placed

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")

_TCP: Final = "awslabs/awsome-distributed-ai#1155: gpt-oss-20b on 2 x g6e, 462 tokens/s apart and 608 together"


@rules.rule(
    "disaggregation.zone",
    source="EFA user guide: OS-bypass traffic stays in its zone; KevinZhao/efa-validation README.md",
)
def phases_are_in_one_zone(stack: StackSettings) -> Iterator[Finding]:
    """The KV cache does not travel between zones."""
    for prefill, decode, _ in _pairs(stack):
        if prefill.pool.zone != decode.pool.zone:
            yield Finding(
                decode.path("nodePool"),
                f"decode is in {decode.pool.zone} and prefill in {prefill.pool.zone}: EFA does not cross zones, and "
                "over TCP each request would pay for its whole KV cache",
                f"use a pool in {prefill.pool.zone}",
            )


@rules.rule("disaggregation.efa", source="components/facts/instances.py: efa_interfaces, rdma")
def nodes_have_what_the_transport_needs(stack: StackSettings) -> Iterator[Finding]:
    """A transport over EFA writes from GPU to GPU, which takes RDMA on both sides."""
    for here, transport in _apart(stack):
        if not transport.efa or here.node.rdma:
            continue
        lacks = "no EFA" if not here.node.efa_interfaces else "EFA without RDMA writes"
        yield Finding(
            here.path("nodePool"),
            f"{here.pool.instance_type} has {lacks}, and {transport.name} writes from GPU to GPU",
            "use a type with RDMA (p5 and newer), or transport: mooncake-tcp",
        )


@rules.rule(
    "disaggregation.shared-node",
    source="kubernetes/kubernetes#81256: a privileged container sees every GPU of its node",
)
def privileged_pods_share_no_node(stack: StackSettings) -> Iterator[Finding]:
    """Pods that see all GPUs, and take all EFA interfaces, have their node to themselves."""
    for here, transport in _apart(stack):
        if transport.privileged and gpus_per_pod(here.model, here.node) < here.node.gpus:
            yield Finding(
                here.path("packing"),
                f"pods of {transport.name} see every GPU of their node and take all of its EFA interfaces",
                "remove packing, or use transport: mooncake-tcp",
            )


@rules.rule("disaggregation.kv-dtype", source="sglang disaggregation/common/conn.py: KV cache dtype mismatch")
def both_phases_keep_the_same_kv_cache(stack: StackSettings) -> Iterator[Finding]:
    """Where the engine chooses the type by the GPU, different GPUs choose different ones."""
    for prefill, decode, _ in _pairs(stack):
        facts = facts_of(prefill.model)
        generations = (prefill.gpu.compute_capability[0], decode.gpu.compute_capability[0])
        chosen = facts is not None and facts.indexer is not None and prefill.model.kv_cache_dtype == "auto"
        if chosen and len(set(generations)) > 1:
            yield Finding(
                decode.path("kvCacheDtype"),
                f"auto is not the same on {prefill.gpu.name} and on {decode.gpu.name}, and decode refuses what differs",
                "set kvCacheDtype, e.g. fp8_e4m3 or bfloat16",
            )


@rules.rule("disaggregation.tcp", source=_TCP, severity=Severity.WARNING)
def the_kv_cache_has_a_fast_way(stack: StackSettings) -> Iterator[Finding]:
    """Over TCP the transfers cost more than keeping the phases apart gains."""
    for prefill, decode, transport in _pairs(stack):
        if not transport.efa and prefill.node.rdma and decode.node.rdma:
            yield Finding(
                prefill.path("disaggregation.transport"),
                f"{transport.name} moves each request's KV cache through the kernel, and the nodes have EFA with RDMA",
                "use transport: nixl-libfabric",
            )


@rules.rule("disaggregation.tcp-only", source=_TCP, severity=Severity.ADVICE)
def phases_apart_are_worth_their_transfers(stack: StackSettings) -> Iterator[Finding]:
    """Where nodes have no RDMA, both phases in one group may be faster."""
    for prefill, decode, transport in _pairs(stack):
        if not transport.efa and not (prefill.node.rdma and decode.node.rdma):
            yield Finding(
                prefill.path("disaggregation"),
                f"each request's KV cache goes through the kernel, since {prefill.pool.instance_type} has no RDMA",
                "compare with both phases in one group before you keep it",
            )


@rules.rule("disaggregation.set-nodes", source="lws v0.10.0 pkg/controllers/disaggregatedset/planner.go")
def a_new_version_of_both_phases_has_nodes(stack: StackSettings) -> Iterator[Finding]:
    """The phases of a DisaggregatedSet advance in proportion, and the smaller one may have a group more than usual
    meanwhile, whatever its maxSurge; while that has no node, nothing else moves.
    """
    everything = list(placed(stack))
    for prefill, decode, _ in _pairs(stack):
        split = prefill.model.disaggregation
        if split is None or not split.in_set:
            continue
        both = (prefill, decode)
        usual = [here.model.most_groups for here in both]
        for here, most in zip(both, rollout_of(prefill.role.model, usual).most, strict=True):
            more = most - here.model.most_groups
            used = nodes_together([other for other in everything if other.pool.name == here.pool.name], at_most)
            extra = nodes_needed(here.model, here.node, more)
            if more > here.model.rollout.max_surge and used + extra > here.pool.nodes:
                spare = here.pool.nodes - used
                yield Finding(
                    here.path("nodePool"),
                    f"a new version of both phases at once adds {count(more, f'{here.role.name} group')} for a while, "
                    f"which takes {count(extra, 'node')}; pool {here.pool.name} has {spare} spare, and the "
                    "rollout would stand still for good",
                    f"set nodePools {here.pool.name} nodes: {used + extra}, as many groups in both phases, or "
                    "disaggregation.kind: LeaderWorkerSet",
                )


def _pairs(stack: StackSettings) -> Iterator[tuple[Placed, Placed, Transport]]:
    """Prefill and decode of every model that has them apart, where both have a place, and their transport."""
    found: dict[str, list[tuple[Placed, Transport]]] = defaultdict(list)
    for here, transport in _apart(stack):
        found[here.at].append((here, transport))
    yield from ((both[0][0], both[1][0], both[0][1]) for both in found.values() if len(both) > 1)


def _apart(stack: StackSettings) -> Iterator[tuple[Placed, Transport]]:
    for here in placed(stack):
        split = here.model.disaggregation
        if split:
            yield here, TRANSPORTS[split.transport]
