"""A whole stack with one routed model: what the program registers for it, and what a preview says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.rules import Severity
from infra.cli.aws import Aws
from infra.cli.pin import look_up
from infra.cli.web import Answer, UnreachableError
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.policy.run import violations_of
from infra.report.model import Preview
from infra.report.planned import plan_json
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]


@cache
def routed() -> tuple[Plan, Recording]:
    """The production stack, its second model behind routers with an entry."""
    raw: Any = dict(load_stack_file(ROOT / "Pulumi.prod.yaml"))
    first, second = raw["models"]
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    entry = {"host": "qwen.example.com", "certificateArn": certificate}
    raw["models"] = [first, {**second, "router": {"limits": {"maxConcurrentRequests": 64}}, "entry": entry}]
    found = validate(raw)
    assert [str(problem) for problem in found.errors] == []
    assert found.settings is not None
    plan = resolve(found.settings)
    return plan, record(lambda: deploy(plan.settings, plan, "prod"), stack="prod")


def test_it_breaks_no_policy() -> None:
    plan, recording = routed()
    found = violations_of(recording, plan.settings)
    assert [str(problem) for problem in found if problem.severity is Severity.ERROR] == []


def test_only_the_routed_model_gets_routers() -> None:
    _, recording = routed()
    assert [made.name for made in recording.of_type("sglang-hyperpod:serving:Router")] == ["qwen3-30b-router"]
    services = {made.name for made in recording.of_type("kubernetes:core/v1:Service")}
    assert services == {"deepseek-r1-service", "qwen3-30b-router-service"}


def test_prometheus_scrapes_the_routers() -> None:
    _, recording = routed()
    monitor = recording.one("kubernetes:monitoring.coreos.com/v1:PodMonitor", "router-monitors-qwen3-30b")
    deployment = recording.one("kubernetes:apps/v1:Deployment").inputs["spec"]
    wanted = monitor.inputs["spec"]["selector"]["matchLabels"]
    assert deployment["template"]["metadata"]["labels"].items() >= wanted.items()
    (container,) = deployment["template"]["spec"]["containers"]
    (endpoint,) = monitor.inputs["spec"]["podMetricsEndpoints"]
    assert endpoint["portNumber"] in {port["containerPort"] for port in container["ports"]}


def test_the_routers_namespace_waits_for_no_gpu() -> None:
    _, recording = routed()
    space = recording.one("kubernetes:core/v1:Namespace", "routers-namespace")
    gpus = recording.of_type("aws-native:sagemaker:Cluster")
    assert gpus
    assert not any(recording.depends(space, nodes) for nodes in gpus)


def test_a_preview_shows_mode_and_router() -> None:
    plan, recording = routed()
    first, second = plan_json(Preview.of(plan, recording))["models"]
    assert (first["mode"], first["router"]) == ("aggregated", None)
    assert second["mode"] == "routed"
    assert second["endpoint"] == "http://qwen3-30b.routers.svc.cluster.local:30000/v1"
    assert second["router"]["replicas"] == 2
    assert second["router"]["image"] == "lmsysorg/sgl-model-gateway:v0.3.2"


def test_pin_asks_for_the_digest_of_the_routers_image() -> None:
    plan, _ = routed()

    def unreachable(url: str, method: str = "GET", headers: Any = None) -> Answer:
        raise UnreachableError(url)

    def no_aws(arguments: Sequence[str]) -> str:
        raise UnreachableError(" ".join(arguments))

    _, failures = look_up(plan, unreachable, Aws(no_aws))
    assert any("lmsysorg/sgl-model-gateway" in failure for failure in failures)


def test_the_stack_that_is_shipped_has_no_router() -> None:
    for name in ("dev", "prod"):
        content = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
        assert all("router" not in model for model in content["sglang-hyperpod:models"])
