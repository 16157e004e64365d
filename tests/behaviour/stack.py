"""The played stack as its dashboards know it."""

from __future__ import annotations

from components.aws.nodes.plan import POOL_LABEL
from components.facts.engines import DEFAULT
from components.monitoring.dashboards.parts import GroupPart, ModelPart, Parts, PoolPart
from components.serving.names import NAMESPACE, ROUTER_NAMESPACE
from tests.behaviour.world.kubernetes import LIMITS, POOLS
from tests.behaviour.world.layout import PODS

POD_HOUR = {"qwen3-30b": 10.5, "deepseek-r1-prefill": 55.04, "deepseek-r1-decode": 55.04}


def parts(version: str = DEFAULT) -> Parts:
    """Everything a dashboard can show, with made-up prices."""
    return Parts(
        models=(
            ModelPart(name="qwen3-30b", engine_version=version, routed=True, groups=(_group("qwen3-30b"),)),
            ModelPart(
                name="deepseek-r1",
                engine_version=version,
                routed=True,
                groups=(_group("deepseek-r1-prefill"), _group("deepseek-r1-decode")),
            ),
        ),
        pools=tuple(PoolPart(name, kind, len(nodes)) for name, (kind, nodes) in POOLS.items()),
        namespace=NAMESPACE,
        router_namespace=ROUTER_NAMESPACE,
        pool_label=POOL_LABEL,
        prices_of="made up",
        scaling=True,
        volumes=True,
    )


def _group(lws: str) -> GroupPart:
    pods = [pod for pod in PODS if pod.lws == lws]
    return GroupPart(
        lws=lws,
        role=pods[0].role,
        groups=LIMITS[lws][1],
        pods=max(pod.rank for pod in pods) + 1,
        pod_hour=POD_HOUR[lws],
        speculative=True,
        lora=True,
        efa=lws != "qwen3-30b",
    )
