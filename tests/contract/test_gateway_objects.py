"""What the gateway makes is accepted by the schemas of the kinds that it makes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pulumi
import pytest

from components.gateway.component import Gateway
from components.gateway.objects import LABELS
from components.gateway.plan import plan_gateway
from components.gateway.settings import GatewaySettings
from components.monitoring.monitors import GatewayTarget
from components.serving.network.policies import pods_of
from tests.contract.shared import kubernetes_faults, schema_faults, strict_schema
from tests.support import Recording, context, run
from tests.unit.serving.builders import R1, plan

SETTINGS = {
    "keys": [{"name": "team-a", "secret": "teamA"}],
    "entry": {"host": "llm.example.com", "path": "/llm", "certificateArn": "arn:aws:acm:us-east-1:1:certificate/1"},
}


@cache
def recording() -> Recording:
    """A gateway before R1, which asks for a key of its own."""
    planned = plan_gateway(GatewaySettings.model_validate(SETTINGS), [plan(R1, apiKeySecret="r1Key")])

    def program() -> None:
        Gateway(
            "gateway",
            context(),
            planned,
            fronts=[pods_of("inference", {"a": "b"})],
            secrets={name: pulumi.Output.secret(f"sk-{name}") for name in ("teamA", "r1Key")},
            node_selector={"a": "b"},
            group="inference",
            monitoring_namespace="monitoring",
            load_balancer_cidrs=["10.0.0.0/24"],
            vpc_cidrs=["10.0.0.0/16"],
        )

    return run(program, preview=False)


@pytest.mark.parametrize(
    "kind",
    [
        "core/v1:ConfigMap",
        "core/v1:Namespace",
        "core/v1:Secret",
        "core/v1:Service",
        "core/v1:ServiceAccount",
        "apps/v1:Deployment",
        "networking.k8s.io/v1:Ingress",
        "networking.k8s.io/v1:NetworkPolicy",
        "policy/v1:PodDisruptionBudget",
    ],
)
def test_objects_are_what_kubernetes_takes(kind: str) -> None:
    made = recording().of_type(f"kubernetes:{kind}")
    assert made
    for resource in made:
        manifest: dict[str, Any] = dict(resource.inputs)
        if kind == "core/v1:Secret":
            manifest["stringData"] = {"keys.json": "text"}
        assert kubernetes_faults(manifest, "1.34") == []


def test_what_prometheus_is_told_is_a_pod_monitor() -> None:
    spec = GatewayTarget("gateway", LABELS, 4000).pod_monitor(interval_seconds=15)
    assert schema_faults(spec, strict_schema("monitoring.coreos.com_PodMonitor", "spec")) == []
