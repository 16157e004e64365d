"""What monitoring makes is accepted by the schemas of the kinds it makes."""

from __future__ import annotations

from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from components.monitoring.alerts.component import Alerts
from components.monitoring.component import Monitoring, PodMonitors
from components.monitoring.dashboards.grafana import to_json
from components.monitoring.dashboards.router import router
from components.monitoring.monitors import EngineTarget, RouterTarget
from components.monitoring.settings import MonitoringSettings
from tests.contract.alerts.stack import planned
from tests.contract.shared import strict_schema
from tests.support import Recording, context, run

KUBERNETES = "1.34"
TARGETS = [
    EngineTarget("deepseek-r1", "deepseek-r1", "aggregated", "0.5.17"),
    EngineTarget("r1-prefill", "r1", "prefill", "0.5.17"),
]
ROUTER = RouterTarget("r1", "r1", {"app.kubernetes.io/name": "sglang-router"}, 29000)


def recording() -> Recording:
    def program() -> None:
        ctx = context()
        Monitoring(
            "monitoring",
            ctx,
            MonitoringSettings(),
            cluster_name="sglang-test",
            admin_password="swordfish",
            dashboards={"sglang-router": to_json(router())},
        )
        PodMonitors("monitors", ctx, namespace="inference", targets=TARGETS)
        PodMonitors("router-monitors", ctx, namespace="routers", targets=[ROUTER])

    return run(program)


def test_pod_monitors_have_only_fields_that_the_operator_knows() -> None:
    schema = strict_schema("monitoring.coreos.com_PodMonitor", "spec")
    monitors = recording().of_type("kubernetes:monitoring.coreos.com/v1:PodMonitor")
    assert len(monitors) == len(TARGETS) + 1
    for monitor in monitors:
        jsonschema.validate(monitor.inputs["spec"], schema)


def test_rules_have_only_fields_that_the_operator_knows() -> None:
    schema = strict_schema("monitoring.coreos.com_PrometheusRule", "spec")
    # A field that no rule here has: its pattern is Go's, which Python's parser refuses.
    del schema["properties"]["groups"]["items"]["properties"]["partial_response_strategy"]
    plan = planned()
    made = run(lambda: Alerts("alerts", context(), plan, namespace="monitoring")).of_type(
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
    )
    assert len(made) == len(plan.objects)
    for rules in made:
        jsonschema.validate(rules.inputs["spec"], schema)


def test_a_misspelt_field_would_be_found() -> None:
    schema = strict_schema("monitoring.coreos.com_PodMonitor", "spec")
    with pytest.raises(jsonschema.ValidationError, match="podMetricsEndpoint"):
        jsonschema.validate({"selector": {}, "podMetricsEndpoint": []}, schema)


@pytest.mark.parametrize(
    ("kind", "type"),
    [
        ("Namespace", "kubernetes:core/v1:Namespace"),
        ("ConfigMap", "kubernetes:core/v1:ConfigMap"),
        ("Secret", "kubernetes:core/v1:Secret"),
    ],
)
def test_core_objects_are_what_kubernetes_takes(kind: str, type: str) -> None:
    made = recording().of_type(type)
    assert made
    for resource in made:
        body: dict[str, Any] = {"apiVersion": "v1", "kind": kind, **resource.inputs}
        body["stringData"] = {"admin-user": "admin"} if kind == "Secret" else body.get("stringData")
        kubernetes_validate.validate({key: value for key, value in body.items() if value}, KUBERNETES, strict=True)
