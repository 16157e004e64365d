"""Settings and plans for the tests of models: small, valid, and changed where a test needs it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from components.aws.eks.settings import ClusterSettings
from components.aws.lustre.settings import LustreSettings
from components.aws.nodes.plan import PoolPlan, Substrate, plan_pool
from components.aws.nodes.settings import GpuNodesSettings, NodePool
from components.monitoring.settings import MonitoringSettings
from components.rules import Problem, RuleSet
from components.serving.plan import ModelPlan
from components.serving.planning import plan_model
from components.serving.settings import ModelSettings
from infra.settings.prices import PriceTable

ZONE = "use1-az6"
R1 = {
    "name": "r1",
    "model": "deepseek-ai/DeepSeek-R1",
    "nodePool": "gpu",
    "nodesPerGroup": 2,
    "replicas": 2,
    "parallelism": {"tensor": 16},
    "contextLength": 65536,
}
QWEN_8B = {
    "name": "qwen",
    "model": "Qwen/Qwen3-8B",
    "nodePool": "gpu",
    "parallelism": {"tensor": 1},
    "contextLength": 32768,
}
QWEN_30B = {
    "name": "qwen-30b",
    "model": "Qwen/Qwen3-30B-A3B-Thinking-2507",
    "nodePool": "gpu",
    "parallelism": {"tensor": 4},
    "contextLength": 131072,
}
VISION = {
    **QWEN_8B,
    "name": "sees",
    "model": "me/sees",
    "memFractionStatic": 0.75,
    "multimodal": {"limitPerRequest": {"image": 8}},
    "configuration": {
        "architectures": ["SeesForConditionalGeneration"],
        "vision_config": {"depth": 32},
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 151936,
        "max_position_embeddings": 40960,
    },
}
APART: dict[str, Any] = {
    "name": "r1",
    "model": "deepseek-ai/DeepSeek-R1",
    "contextLength": 65536,
    "disaggregation": {
        "transport": "nixl-libfabric",
        "privileged": True,
        "prefill": {"nodePool": "gpu", "nodesPerGroup": 2, "parallelism": {"tensor": 16}},
        "decode": {"nodePool": "gpu", "nodesPerGroup": 2, "parallelism": {"tensor": 16}},
    },
    "router": {},
}
"""Prefill and decode apart, one group of two nodes each."""


def apart(base: dict[str, Any] = APART, **changes: Any) -> dict[str, Any]:
    """A model with keys of its disaggregation changed: `prefill` and `decode` key by key; None takes a key away."""
    split = dict(base["disaggregation"])
    for key, value in changes.items():
        split[key] = _without_none({**split[key], **value}) if key in ("prefill", "decode") else value
    return {**base, "disaggregation": _without_none(split)}


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


BASES: dict[str, dict[str, Any]] = {
    "r1": R1,
    "qwen-8b": QWEN_8B,
    "qwen-30b": QWEN_30B,
    "vision": VISION,
    "apart-tcp": apart(transport="mooncake-tcp", privileged=None),
}
"""The models above by the name that tables of test cases give them."""


def model(base: dict[str, Any] = R1, **changes: Any) -> ModelSettings:
    """A model as the stack file has it, with some keys changed."""
    return ModelSettings.model_validate({**base, **changes})


def pool(instance_type: str = "p5.48xlarge", nodes: int = 4, name: str = "gpu") -> NodePool:
    """A node pool."""
    return NodePool(name=name, instance_type=instance_type, nodes=nodes, zone=ZONE)


def pool_plan(instance_type: str = "p5.48xlarge", nodes: int = 4, substrate: Substrate = "eks") -> PoolPlan:
    """A node pool, resolved."""
    return plan_pool(pool(instance_type, nodes), substrate)


def plan(
    base: dict[str, Any] = R1,
    *,
    instance_type: str = "p5.48xlarge",
    substrate: Substrate = "eks",
    file_system: bool = True,
    **changes: Any,
) -> ModelPlan:
    """A model, resolved; with a file system of 4,687.5 MB/s unless there is none."""
    throughput = 4687.5 if file_system else None
    settings = model(base, **changes)
    pools = {"gpu": pool_plan(instance_type, substrate=substrate)}
    return plan_model(settings, pools, file_system_mb_per_s=throughput)


def stack(*models: ModelSettings, pools: list[NodePool] | None = None, **sections: Any) -> Any:
    """A stack's settings as far as the rules over models read them: R1 on four p5 nodes unless said otherwise."""
    file_system = LustreSettings.model_validate({"zone": ZONE, "storageCapacityGiB": 4800, "throughputPerTiB": 1000})
    whole = {
        "region": "us-east-1",
        "protect": False,
        "cluster": ClusterSettings.model_validate({"name": "c", "substrate": "eks"}),
        "node_pools": pools or [pool()],
        "models": list(models) or [model()],
        "gpu_nodes": GpuNodesSettings(),
        "file_system": file_system,
        "gateway": None,
        "monitoring": MonitoringSettings(),
        "prices": PriceTable(),
        "secrets": [],
    }
    return SimpleNamespace(**whole | sections)


def problems(rules: RuleSet, subject: Any, at: str = "") -> list[Problem]:
    """Every problem that a rule set sees."""
    return [problem for rule in rules.rules for problem in rule.run(at, subject)]


def found(rules: RuleSet, rule: str, subject: Any) -> list[tuple[str, str]]:
    """Path and message of what one rule sees."""
    return [(problem.path, problem.message) for problem in problems(rules, subject) if problem.rule == rule]
