"""Prefill and decode apart: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.aws.nodes.settings import CapacityKind
from components.rules import Severity
from components.serving.rules import rules
from infra.rules import disaggregation, nodes, serving
from tests.unit.serving.builders import APART, QWEN_8B, R1, ZONE, apart, found, model, pool, problems, stack

UPSTREAM = {"image": {"repository": "lmsysorg/sglang", "tag": "v0.5.17"}}
TCP = apart(transport="mooncake-tcp", privileged=None)
LLAMA = {**TCP, "model": "meta-llama/Llama-3.1-70B-Instruct"}
QWEN_APART: dict[str, Any] = {
    "name": "qwen",
    "model": "Qwen/Qwen3-8B",
    "contextLength": 32768,
    "disaggregation": {
        "transport": "mooncake-tcp",
        "prefill": {"nodePool": "gpu", "parallelism": {"tensor": 4}, "packing": {"gpusPerPod": 4}},
        "decode": {"nodePool": "gpu", "parallelism": {"tensor": 4}, "packing": {"gpusPerPod": 4}},
    },
    "router": {},
}

BAD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "disaggregation.place",
        {key: value for key, value in R1.items() if key != "nodePool"},
        "nodePool",
        "nothing says on which nodes the model runs",
    ),
    (
        "disaggregation.place",
        {**APART, "nodePool": "gpu"},
        "nodePool",
        "nodePool is what disaggregation.prefill and disaggregation.decode say each for itself",
    ),
    (
        "disaggregation.place",
        {**APART, "parallelism": {"tensor": 16}},
        "parallelism",
        "parallelism is what disaggregation.prefill and disaggregation.decode say each for itself",
    ),
    (
        "disaggregation.router",
        {key: value for key, value in APART.items() if key != "router"},
        "router",
        "nobody would bring prefill and decode together",
    ),
    (
        "disaggregation.name",
        {**APART, "name": "r" * 41},
        "name",
        f"{'r' * 41} has 41 characters, and {'r' * 41}-prefill would be too long a name",
    ),
    (
        "disaggregation.set-name",
        {**apart(kind="DisaggregatedSet"), "name": "r" * 30},
        "name",
        f"{'r' * 30} has 30 characters, and its DisaggregatedSet would call a LeaderWorkerSet "
        f"{'r' * 30}-0-<revision>-prefill, too long a name for one to get pods",
    ),
    (
        "disaggregation.set-start",
        apart(kind="DisaggregatedSet", decode={"replicas": 2, "autoscaling": {"maxReplicas": 3}}),
        "disaggregation.decode.replicas",
        "2 counts for nothing: a scaled phase of a DisaggregatedSet begins with one group, and KEDA brings it to "
        "minReplicas 1",
    ),
    (
        "disaggregation.set-outage",
        apart(kind="DisaggregatedSet", decode={"replicas": 2}),
        "disaggregation.decode.replicas",
        "a new version leaves none of the 2 decode groups serving while it starts: both phases change together",
    ),
    (
        "disaggregation.set-alpha",
        apart(kind="DisaggregatedSet"),
        "disaggregation.kind",
        "DisaggregatedSet is alpha: a later LeaderWorkerSet may change it, a change of one phase restarts the groups "
        "of both, and an update does not wait until they are through",
    ),
    (
        "disaggregation.release",
        {**APART, "engine": {"version": "0.5.8"}},
        "disaggregation.transport",
        "SGLang 0.5.8 has no way to move the KV cache over EFA: nixl-libfabric came with 0.5.9",
    ),
    (
        "disaggregation.release",
        {**apart(transport="mooncake-efa"), "engine": {"version": "0.5.8"}},
        "disaggregation.transport",
        "SGLang 0.5.8 has no way to move the KV cache over EFA: mooncake-efa came with 0.5.13",
    ),
    (
        "disaggregation.image",
        {**APART, "engine": UPSTREAM},
        "engine.image",
        "lmsysorg/sglang:v0.5.17 has no libfabric with EFA, which transport nixl-libfabric needs",
    ),
    (
        "disaggregation.image",
        {**APART, "engine": {"image": {"repository": "registry.example.com/sglang", "tag": "v0.5.17"}}},
        "engine.image",
        "registry.example.com/sglang:v0.5.17 is not known to have libfabric with EFA, which transport nixl-libfabric "
        "needs",
    ),
    (
        "disaggregation.image",
        apart(transport="mooncake-efa"),
        "engine.image",
        "public.ecr.aws/deep-learning-containers/sglang:0.5.17-gpu-py312-cu130-ubuntu24.04-ec2 is not known to have "
        "Mooncake's EFA wheel, without which mooncake-efa runs over TCP and then hangs",
    ),
    (
        "disaggregation.privileged",
        apart(privileged=None),
        "disaggregation.privileged",
        "nixl-libfabric registers GPU memory with EFA, which was shown to work in privileged pods alone",
    ),
    (
        "disaggregation.privileged-idle",
        apart(transport="mooncake-tcp"),
        "disaggregation.privileged",
        "mooncake-tcp needs no privileged pods, and gets none",
    ),
    (
        "disaggregation.pipeline",
        apart(decode={"parallelism": {"tensor": 8, "pipeline": 2}}),
        "disaggregation.decode.parallelism.pipeline",
        "decode has 2 pipeline stages and prefill 1: decode cannot find its layers",
    ),
    (
        "disaggregation.tensor",
        apart(decode={"nodesPerGroup": 3, "parallelism": {"tensor": 24}}),
        "disaggregation.decode.parallelism",
        "24 attention ranks of decode and 16 of prefill do not divide each other",
    ),
    (
        "disaggregation.tensor-differs",
        apart(LLAMA, decode={"nodesPerGroup": 1, "parallelism": {"tensor": 8}}),
        "disaggregation.decode.parallelism",
        "8 attention ranks of decode and 16 of prefill: each transfer is cut into slices of heads",
    ),
    (
        "disaggregation.page-size",
        apart(prefill={"arguments": {"page-size": 64}}),
        "disaggregation.decode.arguments.page-size",
        "decode has pages of the default size and prefill of 64",
    ),
    (
        "disaggregation.bootstrap-port",
        apart(bootstrapPort=30000),
        "disaggregation.bootstrapPort",
        "30000 is the port of API and metrics",
    ),
    (
        "disaggregation.bootstrap-port",
        apart(bootstrapPort=20003),
        "disaggregation.bootstrapPort",
        "20003 is the port of the ranks' rendezvous",
    ),
    (
        "disaggregation.variables",
        apart(decode={"environment": {"SGLANG_DISAGGREGATION_NIXL_BACKEND": "UCX"}}),
        "disaggregation.decode.environment.SGLANG_DISAGGREGATION_NIXL_BACKEND",
        "SGLANG_DISAGGREGATION_NIXL_BACKEND decides the backend, which is disaggregation.transport",
    ),
    (
        "disaggregation.variables",
        {**apart(transport="mooncake-efa"), "environment": {"MC_MAX_WR": "512"}},
        "environment.MC_MAX_WR",
        "MC_MAX_WR overruns the queues of EFA's devices",
    ),
    (
        "disaggregation.variables",
        apart(
            transport="mooncake-efa", prefill={"environment": {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}}
        ),
        "disaggregation.prefill.environment.PYTORCH_CUDA_ALLOC_CONF",
        "memory in expandable segments cannot be registered with EFA",
    ),
    (
        "disaggregation.decode-option",
        {**apart(TCP, decode={"radixCache": True}), "engine": {"version": "0.5.8"}},
        "disaggregation.decode.radixCache",
        "SGLang 0.5.8 has no flag --disaggregation-decode-enable-radix-cache",
    ),
    (
        "disaggregation.decode-option",
        {**apart(TCP, decode={"extraSlots": 8}), "engine": {"version": "0.5.13.post1"}},
        "disaggregation.decode.extraSlots",
        "SGLang 0.5.13.post1 has no flag --disaggregation-decode-extra-slots",
    ),
    (
        "disaggregation.decode-cache",
        {**APART, "arguments": {"enable-hierarchical-cache": True}},
        "arguments.enable-hierarchical-cache",
        "decode is forced to a chunk cache, which a hierarchical cache cannot extend",
    ),
    (
        "disaggregation.decode-cache",
        apart(decode={"radixCache": True, "arguments": {"speculative-algorithm": "EAGLE"}}),
        "disaggregation.decode.arguments.speculative-algorithm",
        "a radix cache on the decode side excludes speculative decoding",
    ),
    (
        "disaggregation.prefill-attention",
        apart(prefill={"parallelism": {"tensor": 16, "data": 16, "dpAttention": True}}),
        "disaggregation.prefill.parallelism.dpAttention",
        "data-parallel attention made prefill 28 to 63 % slower",
    ),
    (
        "disaggregation.deepep-mode",
        {**APART, "arguments": {"moe-a2a-backend": "deepep", "deepep-mode": "normal"}},
        "arguments.deepep-mode",
        "decode runs DeepEP in mode normal",
    ),
    (
        "disaggregation.deepep-mode",
        apart(decode={"experts": {"allToAll": "deepep"}}),
        "disaggregation.decode.experts.deepepMode",
        "decode runs DeepEP in mode auto",
    ),
    (
        "disaggregation.place",
        {**APART, "autoscaling": {"maxReplicas": 2}},
        "autoscaling",
        "autoscaling is what disaggregation.prefill and disaggregation.decode say each for itself",
    ),
    (
        "router.phase-policy",
        {**R1, "router": {"decodePolicy": "random"}},
        "router.decodePolicy",
        "decodePolicy has no effect: every group serves both phases",
    ),
    (
        "router.phase-policy",
        {**APART, "router": {"policy": "round_robin"}},
        "router.policy",
        "policy has no effect: prefill and decode are apart",
    ),
    (
        "router.phase-cache",
        {**APART, "router": {"prefillPolicy": "cache_aware"}},
        "router.prefillPolicy",
        "release 0.3.2 chooses at random here: its prefix trees never hear of prefill and decode groups",
    ),
    # Rules of any model see each phase as one, and name the place where the user wrote it.
    (
        "layout.stages",
        apart(decode={"nodesPerGroup": 2, "parallelism": {"tensor": 8, "pipeline": 3}}),
        "disaggregation.decode.parallelism.pipeline",
        "3 pipeline stages and 2 nodes do not divide each other",
    ),
    (
        "engine.argument-owned",
        apart(prefill={"arguments": {"disaggregation-mode": "null"}}),
        "disaggregation.prefill.arguments.disaggregation-mode",
        "--disaggregation-mode is decided by disaggregation",
    ),
    (
        "engine.argument-infiniband",
        {**APART, "arguments": {"disaggregation-ib-device": "mlx5_0"}},
        "arguments.disaggregation-ib-device",
        "--disaggregation-ib-device names InfiniBand devices; AWS has none",
    ),
    (
        "engine.environment",
        apart(decode={"environment": {"MOONCAKE_TRANSPORT": "tcp"}}),
        "disaggregation.decode.environment.MOONCAKE_TRANSPORT",
        "MOONCAKE_TRANSPORT is read by nothing in SGLang or Mooncake",
    ),
    (
        "engine.environment",
        apart(prefill={"environment": {"NCCL_IB_HCA": "mlx5"}}),
        "disaggregation.prefill.environment.NCCL_IB_HCA",
        "NCCL_IB_HCA is read by InfiniBand transports only, and EFA is none",
    ),
    (
        "router.engine-key",
        {**APART, "apiKeySecret": "key"},
        "apiKeySecret",
        "an engine's key behind a router could not change without an outage: the router has one key for both sides",
    ),
    (
        "pods.grace-period",
        apart(prefill={"gracePeriodSeconds": 60}),
        "disaggregation.prefill.gracePeriodSeconds",
        "every update cuts generations that run longer than 60 s",
    ),
    (
        "group.undrainable",
        apart(decode={"disruptionBudget": {"maxUnavailable": 0}}),
        "disaggregation.decode.disruptionBudget.maxUnavailable",
        "0 makes the model's nodes undrainable: updates and repairs of nodes stop there",
    ),
]


@pytest.mark.parametrize(("rule", "settings", "path", "message"), BAD)
def test_a_bad_setting_is_named_with_its_path(rule: str, settings: dict[str, Any], path: str, message: str) -> None:
    assert (path, message) in found(rules, rule, model(settings))


@pytest.mark.parametrize(
    "settings",
    [
        APART,
        TCP,
        QWEN_APART,
        {**TCP, "engine": {"version": "0.5.8", "image": {"repository": "me/sglang", "tag": "v0.5.8"}}},
        {**apart(transport="mooncake-efa"), "engine": {"image": {"repository": "me/sglang", "tag": "v0.5.17",
                                                                "efaCapable": True, "mooncakeEfa": True}}},
    ],
)  # fmt: skip
def test_a_good_one_breaks_no_rule(settings: dict[str, Any]) -> None:
    seen = problems(rules, model(settings))
    assert [str(problem) for problem in seen if problem.severity is Severity.ERROR] == []


def test_every_rule_has_a_bad_setting() -> None:
    here = {rule.id for rule in rules.rules if rule.id.startswith(("disaggregation.", "router.phase-"))}
    assert here <= {rule for rule, *_ in BAD}


def test_what_both_phases_share_is_said_once() -> None:
    both = model({**APART, "arguments": {"tp-size": 8}})
    assert found(rules, "engine.argument-owned", both) == [
        ("arguments.tp-size", "--tp-size is decided by parallelism.tensor")
    ]


def test_a_transport_that_does_not_work_on_aws_is_no_choice() -> None:
    with pytest.raises(ValidationError, match="nixl-libfabric"):
        model(apart(transport="nixl-ucx"))


STACKS: list[tuple[Any, str, dict[str, Any], list[Any], str, str]] = [
    (
        disaggregation,
        "disaggregation.set-nodes",
        apart(kind="DisaggregatedSet", prefill={"nodePool": "far"}, decode={"replicas": 8}),
        [pool(nodes=16), pool(name="far", nodes=2)],
        "models[0].disaggregation.prefill.nodePool",
        "a new version of both phases at once adds 1 prefill group for a while, which takes 2 nodes; pool far has 0 "
        "spare, and the rollout would stand still for good",
    ),
    (
        disaggregation,
        "disaggregation.zone",
        apart(decode={"nodePool": "far"}),
        [pool(), pool(name="far").model_copy(update={"zone": "use1-az4"})],
        "models[0].disaggregation.decode.nodePool",
        f"decode is in use1-az4 and prefill in {ZONE}: EFA does not cross zones, and over TCP each request would pay "
        "for its whole KV cache",
    ),
    (
        disaggregation,
        "disaggregation.efa",
        APART,
        [pool("g6e.12xlarge")],
        "models[0].disaggregation.prefill.nodePool",
        "g6e.12xlarge has EFA without RDMA writes, and nixl-libfabric writes from GPU to GPU",
    ),
    (
        disaggregation,
        "disaggregation.efa",
        APART,
        [pool("g6.xlarge")],
        "models[0].disaggregation.decode.nodePool",
        "g6.xlarge has no EFA, and nixl-libfabric writes from GPU to GPU",
    ),
    (
        disaggregation,
        "disaggregation.shared-node",
        {**QWEN_APART, "disaggregation": {**QWEN_APART["disaggregation"], "transport": "nixl-libfabric"}},
        [pool()],
        "models[0].disaggregation.prefill.packing",
        "pods of nixl-libfabric see every GPU of their node and take all of its EFA interfaces",
    ),
    (
        disaggregation,
        "disaggregation.kv-dtype",
        {**apart(decode={"nodePool": "new"}), "model": "deepseek-ai/DeepSeek-V3.2"},
        [pool(), pool("p6-b200.48xlarge", name="new")],
        "models[0].kvCacheDtype",
        "auto is not the same on H100 and on B200, and decode refuses what differs",
    ),
    (
        disaggregation,
        "disaggregation.tcp",
        TCP,
        [pool()],
        "models[0].disaggregation.transport",
        "mooncake-tcp moves each request's KV cache through the kernel, and the nodes have EFA with RDMA",
    ),
    (
        disaggregation,
        "disaggregation.tcp-only",
        QWEN_APART,
        [pool("g6.48xlarge")],
        "models[0].disaggregation",
        "each request's KV cache goes through the kernel, since g6.48xlarge has no RDMA",
    ),
    (
        serving,
        "serving.pool",
        apart(decode={"nodePool": "h100"}),
        [pool()],
        "models[0].disaggregation.decode.nodePool",
        "there is no node pool h100",
    ),
    (
        serving,
        "serving.ranks",
        apart(prefill={"parallelism": {"tensor": 8}}),
        [pool()],
        "models[0].disaggregation.prefill.parallelism",
        "tensor 8 x pipeline 1 is 8 ranks for 16 GPUs (2 x 8 of p5.48xlarge)",
    ),
    (
        serving,
        "serving.nodes",
        apart(decode={"replicas": 2}),
        [pool()],
        "nodePools[0].nodes",
        "pool gpu has 4 nodes, its models need 6 (r1-prefill 2, r1-decode 4)",
    ),
    (
        serving,
        "serving.fit",
        apart(prefill={"nodesPerGroup": 1, "parallelism": {"tensor": 8}}),
        [pool(nodes=3)],
        "models[0].disaggregation.prefill.parallelism",
        "on H100 (tensor 8, pipeline 1): 79.5 GiB of weights per GPU, and 77.4 GiB free",
    ),
    (
        nodes,
        "nodes.spot",
        APART,
        [pool().model_copy(update={"capacity": pool().capacity.model_copy(update={"kind": CapacityKind.SPOT})})],
        "models[0].disaggregation.prefill.nodePool",
        "gpu is spot: any of a group's 2 nodes can go at short notice, and the group with it",
    ),
]


@pytest.mark.parametrize(("module", "rule", "settings", "pools", "path", "message"), STACKS)
def test_a_phase_and_its_nodes(
    module: Any, rule: str, settings: dict[str, Any], pools: list[Any], path: str, message: str
) -> None:
    assert (path, message) in found(module.rules, rule, stack(model(settings), pools=pools))


def test_every_rule_over_nodes_has_a_bad_setting() -> None:
    assert {rule.id for rule in disaggregation.rules.rules} == {row[1] for row in STACKS if row[0] is disaggregation}


def test_phases_that_share_a_node_take_one() -> None:
    one = stack(model(QWEN_APART), pools=[pool(nodes=1)])
    assert found(serving.rules, "serving.nodes", one) == []


def test_a_model_is_not_called_like_a_phase_of_another() -> None:
    settings = stack(model(APART), model(QWEN_8B, name="r1-decode"))
    assert ("models[1].name", "r1-decode is also a phase of model r1") in found(
        serving.rules, "serving.names", settings
    )
