"""A whole stack with a gateway: what the program registers for it, and what a preview says."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from components.rules import Severity
from infra.offline import Recording, Unknown, record
from infra.plan import Plan, resolve
from infra.policy.run import violations_of
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.report.tables import tables_of
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
GATEWAY = {
    "keys": [
        {"name": "team-a", "secret": "teamA", "requestsPerMinute": 600, "budgets": {"deepseek-r1": {"dollars": 50}}}
    ],
    "prices": {
        name: {"inputDollarsPerMillion": 0.5, "outputDollarsPerMillion": 2} for name in ("deepseek-r1", "qwen3-30b")
    },
    "routes": {
        "deepseek-r1": {"fallbacks": ["qwen3-30b"], "budget": {"dollars": 400, "periodHours": 168}},
        "any": {"to": {"deepseek-r1": 1, "qwen3-30b": 3}},
    },
    "entry": {"host": "llm.example.com", "certificateArn": CERTIFICATE},
}


@cache
def deployed() -> tuple[Plan, Recording]:
    """The production stack, its second model behind routers, both behind the gateway."""
    raw: Any = load_stack_file(ROOT / "Pulumi.prod.yaml")
    first, second = raw["models"]
    raw["models"] = [first, {**second, "router": {"apiKeySecret": "qwenKey"}}]
    found = validate({**raw, "gateway": GATEWAY, "secrets": ["teamA", "qwenKey"]})
    assert found.settings is not None, [str(error) for error in found.errors]
    plan = resolve(found.settings)
    config = {"sglang-hyperpod:teamA": "sk-team-a-7041", "sglang-hyperpod:qwenKey": "sk-qwen-7041"}
    recording = record(
        lambda: deploy(plan.settings, plan, "prod"), stack="prod", config=config, secret_keys=list(config)
    )
    return plan, recording


def test_it_breaks_no_policy() -> None:
    plan, recording = deployed()
    found = violations_of(recording, plan.settings)
    assert [str(problem) for problem in found if problem.severity is Severity.ERROR] == []


def test_no_key_is_readable() -> None:
    _, recording = deployed()
    secret = recording.one("kubernetes:core/v1:Secret", "gateway-keys")
    assert secret.secret_paths == ["stringData"]
    assert "7041" not in str([resource.inputs for resource in recording.resources])


def test_models_let_the_gateway_in_and_it_reaches_nothing_else() -> None:
    _, recording = deployed()
    labels = recording.one("kubernetes:apps/v1:Deployment", "gateway-deployment").inputs["spec"]["selector"]
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}},
        "podSelector": labels,
    }
    for name in ("deepseek-r1-serve-api", "qwen3-30b-router-serving"):
        first = recording.one(POLICY, name).inputs["spec"]["ingress"][0]
        assert peer in first["from"]
    (rule,) = recording.one(POLICY, "gateway-asking").inputs["spec"]["egress"]
    spaces = [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in rule["to"]]
    assert spaces == ["inference", "routers"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 30000}]


def test_its_namespace_is_restricted_and_closed() -> None:
    _, recording = deployed()
    space = recording.one("kubernetes:core/v1:Namespace", "gateway-namespace").inputs["metadata"]
    assert space["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    closed = recording.one(POLICY, "gateway-deny-all").inputs["spec"]
    assert (closed["podSelector"], set(closed["policyTypes"])) == ({}, {"Ingress", "Egress"})


def test_it_waits_for_no_gpu_and_its_entry_for_it() -> None:
    _, recording = deployed()
    pods = recording.one("kubernetes:apps/v1:Deployment", "gateway-deployment")
    assert not any(recording.depends(pods, gpus) for gpus in recording.of_type("aws-native:sagemaker:Cluster"))
    assert recording.depends(recording.one("kubernetes:networking.k8s.io/v1:Ingress", "gateway-entry"), pods)


def test_a_changed_configuration_or_key_rolls_the_gateways() -> None:
    _, recording = deployed()
    template = recording.one("kubernetes:apps/v1:Deployment", "gateway-deployment").inputs["spec"]["template"]
    annotations = template["metadata"]["annotations"]
    assert set(annotations) == {"sglang-hyperpod/configuration", "sglang-hyperpod/api-key"}
    assert not isinstance(annotations["sglang-hyperpod/configuration"], Unknown)


def test_the_load_balancer_passes_the_api_and_nothing_for_administrators() -> None:
    _, recording = deployed()
    entry = recording.one("kubernetes:networking.k8s.io/v1:Ingress", "gateway-entry").inputs
    paths = [path["path"] for path in entry["spec"]["rules"][0]["http"]["paths"]]
    assert "/v1/chat/completions" in paths
    assert all(path.startswith("/v1/") for path in paths)
    group = "alb.ingress.kubernetes.io/group.name"
    assert entry["metadata"]["annotations"][group] == "inference"


def test_prometheus_scrapes_it() -> None:
    _, recording = deployed()
    monitor = recording.one("kubernetes:monitoring.coreos.com/v1:PodMonitor", "gateway-monitors-gateway").inputs["spec"]
    pods = recording.one("kubernetes:apps/v1:Deployment", "gateway-deployment").inputs["spec"]["template"]
    assert pods["metadata"]["labels"].items() >= monitor["selector"]["matchLabels"].items()
    ports = [port["containerPort"] for port in pods["spec"]["containers"][0]["ports"]]
    assert [endpoint["portNumber"] for endpoint in monitor["podMetricsEndpoints"]] == ports


def test_a_preview_shows_what_answers_to_which_name() -> None:
    plan, recording = deployed()
    preview = Preview.of(plan, recording)
    (table,) = [table for table in tables_of(preview) if table.title == "Gateway"]
    assert table.rows == (
        ("deepseek-r1", "deepseek-r1 1", "qwen3-30b"),
        ("qwen3-30b", "qwen3-30b 1", "none"),
        ("any", "deepseek-r1 1, qwen3-30b 3", "none"),
    )
    shown = json.loads(json.dumps(plan_json(preview)))["gateway"]
    assert shown["public_endpoint"] == "https://llm.example.com/v1"
    assert shown["keys"] == ["team-a"]


def test_a_preview_shows_budgets() -> None:
    plan, recording = deployed()
    preview = Preview.of(plan, recording)
    (table,) = [table for table in tables_of(preview) if table.title == "Gateway"]
    said = "Budgets, counted in memory: all $400 on deepseek-r1 in 168 h, team-a $50 on deepseek-r1 in 24 h."
    assert said in table.remarks
    shown = json.loads(json.dumps(plan_json(preview)))["gateway"]["budgets"]
    assert [(each["key"], each["name"], each["dollars"], each["period_hours"]) for each in shown] == [
        (None, "deepseek-r1", 400, 168),
        ("team-a", "deepseek-r1", 50, 24),
    ]
