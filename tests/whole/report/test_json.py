"""The JSON form: complete, plain, and without a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.offline.recording import Recorded, Secret, Unknown
from infra.report.jsonable import marked, preview_json, resource_json
from infra.report.model import Preview


@pytest.fixture(scope="module")
def content(dev: Preview) -> dict[str, Any]:
    return json.loads(json.dumps(preview_json(dev)))


def test_it_holds_every_part(content: dict[str, Any]) -> None:
    assert {"resources", "waves", "plan", "warnings", "outputs", "stack"} <= content.keys()


def test_a_resource_has_every_field_that_the_engine_is_told(content: dict[str, Any]) -> None:
    wanted = {
        "urn",
        "type",
        "name",
        "parent",
        "provider",
        "depends_on",
        "property_dependencies",
        "inputs",
        "protect",
        "retain_on_delete",
        "custom_timeouts",
    }
    assert all(wanted <= resource.keys() for resource in content["resources"])


def test_an_unknown_names_its_source() -> None:
    assert marked({"vpcId": Unknown("vpc.id"), "name": "a"}) == {"vpcId": {"$unknown": "vpc.id"}, "name": "a"}


def test_a_secret_is_only_marked() -> None:
    assert marked({"stringData": [Secret()]}) == {"stringData": [{"$secret": True}]}


def test_every_reference_to_a_resource_is_to_one_that_is_there(content: dict[str, Any]) -> None:
    urns = {resource["urn"] for resource in content["resources"]}
    for resource in content["resources"]:
        named = {*resource["depends_on"], resource["parent"], resource["provider"]} - {None}
        assert named <= urns, resource["name"]


def test_every_created_resource_is_in_exactly_one_wave(content: dict[str, Any], dev: Preview) -> None:
    steps = [step["urn"] for wave in content["waves"] for step in wave["steps"]]
    assert sorted(steps) == sorted(resource.urn for resource in dev.created)


def test_no_step_starts_before_what_it_depends_on_ends(content: dict[str, Any]) -> None:
    steps = {step["urn"]: step for wave in content["waves"] for step in wave["steps"]}
    for resource in content["resources"]:
        for urn in resource["depends_on"]:
            if resource["urn"] in steps and urn in steps:
                assert steps[resource["urn"]]["starts"] >= steps[urn]["ends"]


def test_the_plan_tells_ranks_memory_cost_and_quotas(content: dict[str, Any]) -> None:
    plan = content["plan"]
    (model,) = plan["models"]
    assert model["groups"][0]["ranks"] == 8
    assert model["groups"][0]["memory"]["fits"] is True
    assert {line["item"] for line in plan["cost"]["lines"]} >= {"node pool g6", "EKS control plane"}
    assert all(quota["command"].startswith("aws service-quotas ") for quota in plan["quotas"])


def test_an_unknown_price_is_null_and_out_of_the_sum(content: dict[str, Any]) -> None:
    cost = content["plan"]["cost"]
    known = [line["hourly"] for line in cost["lines"] if line["hourly"] is not None]
    assert cost["hourly"] == pytest.approx(sum(known))
    assert cost["unknown"] == [line["item"] for line in cost["lines"] if line["hourly"] is None]


def test_options_of_a_resource_are_kept() -> None:
    resource = Recorded(
        urn="u",
        type="a:b:C",
        name="c",
        parent=None,
        provider=None,
        depends_on=("v",),
        property_dependencies={"x": ("v",)},
        inputs={},
        custom_timeouts={"create": "12h"},
        ignore_changes=("spec.replicas",),
    )
    shown = resource_json(resource)
    assert shown["custom_timeouts"] == {"create": "12h"}
    assert shown["ignore_changes"] == ["spec.replicas"]
    assert shown["property_dependencies"] == {"x": ["v"]}
