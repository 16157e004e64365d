"""The way in: each load balancer's own networks may reach the API, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.offline import record
from infra.plan import resolve
from infra.settings import load_stack_file, validate
from infra.stack import deploy

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("scheme", "networks"), [("internal", "internal"), ("internet-facing", "public")])
def test_an_entry_opens_the_api_to_its_own_load_balancer_alone(scheme: str, networks: str) -> None:
    raw = load_stack_file(ROOT / "Pulumi.dev.yaml")
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    raw["models"][0] |= {
        "entry": {
            "scheme": scheme,
            "host": "qwen.example.com",
            "certificateArn": certificate,
            "inboundCidrs": ["198.51.100.0/24"],
        },
        "apiKeySecret": "clientKey",
    }
    found = validate({**raw, "secrets": ["clientKey"]})
    assert found.settings is not None, [str(error) for error in found.errors]
    plan = resolve(found.settings)
    config = {"sglang-hyperpod:clientKey": "k"}
    recording = record(lambda: deploy(plan.settings, plan, "dev"), config=config, secret_keys=list(config))
    rules = recording.one(POLICY, "qwen3-8b-serve-api").inputs["spec"]["ingress"]
    blocks = [source["ipBlock"]["cidr"] for source in rules[0]["from"] if "ipBlock" in source]
    assert tuple(blocks) == getattr(plan.network, f"{networks}_load_balancer_cidrs")
