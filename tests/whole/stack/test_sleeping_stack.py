"""A whole stack with a model that may have no group: what the program registers for it, and what a preview says."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from components.rules import Severity
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.policy.run import violations_of
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.report.tables import tables_of
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
GATEWAY = {
    "keys": [{"name": "team-a", "secret": "teamA"}],
    "routes": {"deepseek-r1": {"fallbacks": ["qwen3-30b"]}},
    "entry": {"host": "llm.example.com", "certificateArn": CERTIFICATE},
}


def settings() -> dict[str, Any]:
    """The production stack behind a gateway; its first model has routers, one group at most, and maybe none."""
    raw: Any = dict(load_stack_file(ROOT / "Pulumi.prod.yaml"))
    first, second = raw["models"]
    scaled = {"autoscaling": {"minReplicas": 0, "maxReplicas": 1}, "router": {}}
    asleep = {key: value for key, value in {**first, **scaled}.items() if key not in ("replicas", "entry")}
    return {**raw, "models": [asleep, second], "gateway": GATEWAY, "secrets": [*raw.get("secrets", []), "teamA"]}


@cache
def deployed() -> tuple[Plan, Recording]:
    """That stack."""
    found = validate(settings())
    assert [str(problem) for problem in found.errors] == []
    assert found.settings is not None
    plan = resolve(found.settings)
    config = {"sglang-hyperpod:teamA": "sk-team-a-7041"}
    return plan, record(
        lambda: deploy(plan.settings, plan, "prod"), stack="prod", config=config, secret_keys=list(config)
    )


def test_it_breaks_no_policy() -> None:
    plan, recording = deployed()
    found = violations_of(recording, plan.settings)
    assert [str(problem) for problem in found if problem.severity is Severity.ERROR] == []


def test_it_begins_with_a_group_that_the_autoscaler_may_take_away() -> None:
    _, recording = deployed()
    made = recording.one("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet", "deepseek-r1-serve")
    assert made.inputs["spec"]["replicas"] == 1
    assert made.ignore_changes == ("spec.replicas",)
    spec = recording.one("kubernetes:keda.sh/v1alpha1:ScaledObject", "deepseek-r1-autoscaling-serve").inputs["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 1)


def test_requests_are_looked_for_at_the_address_that_the_gateway_asks() -> None:
    _, recording = deployed()
    spec = recording.one("kubernetes:keda.sh/v1alpha1:ScaledObject", "deepseek-r1-autoscaling-serve").inputs["spec"]
    config = recording.one("kubernetes:core/v1:ConfigMap", "gateway-config").inputs["data"]["config.yaml"]
    (address,) = [
        each["litellm_params"]["api_base"]
        for each in json.loads(config)["model_list"]
        if each["model_name"] == "deepseek-r1"
    ]
    assert f'api_base="{address}"' in spec["triggers"][0]["metadata"]["query"]


def test_alerts_know_when_it_has_no_group() -> None:
    _, recording = deployed()
    recorded = {
        (rule["record"], made.name)
        for made in recording.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
        for group in made.inputs["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("record") == "sglang_hyperpod:asleep"
    }
    assert [name for _, name in recorded] == ["alerts-model-deepseek-r1"]


def test_a_preview_says_what_the_first_request_waits_for() -> None:
    plan, recording = deployed()
    preview = Preview.of(plan, recording)
    (table,) = [table for table in tables_of(preview) if table.title == "Scaling"]
    assert table.rows[0][1] == "0 to 1, begins with 1"
    (said,) = [remark for remark in table.remarks if remark.startswith("deepseek-r1 has no group")]
    assert said.startswith("deepseek-r1 has no group after 30 min without a request. The first token after that waits")
    (shown,) = [model for model in plan_json(preview)["models"] if model["name"] == "deepseek-r1"]
    assert shown["groups"][0]["scaling"]["idle_minutes"] == 30


def test_idle_nodes_and_a_missing_fallback_are_advised() -> None:
    raw = settings()
    raw["gateway"] = {**GATEWAY, "routes": {}}
    said = {problem.rule for problem in validate(raw).problems}
    assert {"autoscaling.zero-fallback", "autoscaling.zero-pool"} <= said
