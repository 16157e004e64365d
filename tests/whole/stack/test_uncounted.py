"""What a stack pays for by use is named beside its cost: held against what the program registers."""

from __future__ import annotations

from typing import Any

import pytest

from infra.offline import Recorded, record
from infra.plan import resolve
from infra.report.model import Preview
from infra.report.tables import tables_of
from infra.settings import load_stack_file, validate
from infra.stack import deploy
from tests.shipped import ROOT

CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/0b1e6c1c-2f7d-4a53-9d0e-3f1c5a7b9d21"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    "loki": ("dev", {"monitoring": {"logs": {"enabled": True}}}),
    "aws": (
        "dev",
        {"monitoring": {"profile": "aws", "traces": {"enabled": True}, "managedGrafana": {"enabled": True}}},
    ),
    "entry": ("dev", {"entry": {"host": "llm.example.com", "certificateArn": CERTIFICATE}}),
    "endpoints": ("dev", {"endpoints": ["ecr.dkr"]}),
}


def previewed(stack: str, changes: dict[str, Any]) -> Preview:
    raw = load_stack_file(ROOT / f"Pulumi.{stack}.yaml")
    for key, value in changes.items():
        if key == "entry":
            raw["models"][0]["entry"] = value
        elif key == "endpoints":
            raw["network"]["interfaceEndpoints"] = value
        else:
            raw[key] = value
    found = validate(raw)
    settings = found.settings
    assert settings is not None, found.errors
    plan = resolve(settings)
    return Preview.of(plan, record(lambda: deploy(settings, plan, stack), stack=stack))


def services(resource: Recorded) -> str | None:
    if resource.type == "aws:ec2/vpcEndpoint:VpcEndpoint" and resource.inputs.get("vpcEndpointType") == "Interface":
        return "interface endpoints"
    return {
        "kubernetes:networking.k8s.io/v1:Ingress": "load balancer",
        "aws:s3/bucket:Bucket": "S3",
        "aws:cloudwatch/logGroup:LogGroup": "CloudWatch",
        "aws:amp/workspace:Workspace": "Managed Prometheus",
        "aws:grafana/workspace:Workspace": "Managed Grafana",
    }.get(resource.type)


@pytest.mark.parametrize("case", CASES)
def test_what_is_registered_is_named(case: str) -> None:
    preview = previewed(*CASES[case])
    named = set(preview.plan.cost.uncounted)
    registered = {service for resource in preview.created if (service := services(resource))}
    assert named - {"X-Ray"} == registered | {"EBS volumes", "traffic"}
    assert ("X-Ray" in named) == (case == "aws")


def test_a_missing_price_is_named_with_its_key() -> None:
    cost = next(table for table in tables_of(previewed("prod", {})) if table.title == "Cost")
    assert "Left out, since `prices` has none: FSx for Lustre (`prices.lustreGibMonth.1000`)." in cost.remarks
    assert "Left out, since it is paid for by use: EBS volumes, S3, CloudWatch, traffic." in cost.remarks
