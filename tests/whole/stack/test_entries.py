"""The way in: each load balancer's own networks may reach the API, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.settings import load_stack_file, validate
from infra.stack import deploy

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
ROOT = Path(__file__).parents[3]
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def recorded(raw: dict[str, Any]) -> tuple[Plan, Recording]:
    """The development stack as it is or as a test changed it."""
    found = validate({**raw, "secrets": ["clientKey"]})
    assert found.settings is not None, [str(error) for error in found.errors]
    plan = resolve(found.settings)
    config = {"sglang-hyperpod:clientKey": "k"}
    return plan, record(lambda: deploy(plan.settings, plan, "dev"), config=config, secret_keys=list(config))


def open_to(recording: Recording, model: str) -> list[str]:
    """Networks from which the API of a model's engines may be reached."""
    rules = recording.one(POLICY, f"{model}-serve-api").inputs["spec"]["ingress"]
    return [source["ipBlock"]["cidr"] for source in rules[0]["from"] if "ipBlock" in source]


@pytest.mark.parametrize(("scheme", "networks"), [("internal", "internal"), ("internet-facing", "public")])
def test_an_entry_opens_the_api_to_its_own_load_balancer_alone(scheme: str, networks: str) -> None:
    raw = load_stack_file(ROOT / "Pulumi.dev.yaml")
    raw["models"][0] |= {
        "entry": {
            "scheme": scheme,
            "host": "qwen.example.com",
            "certificateArn": CERTIFICATE,
            "inboundCidrs": ["198.51.100.0/24"],
        },
        "apiKeySecret": "clientKey",
    }
    plan, recording = recorded(raw)
    assert tuple(open_to(recording, "qwen3-8b")) == getattr(plan.network, f"{networks}_load_balancer_cidrs")


def test_without_an_entry_no_network_reaches_the_api() -> None:
    _, recording = recorded(load_stack_file(ROOT / "Pulumi.dev.yaml"))
    assert open_to(recording, "qwen3-8b") == []
