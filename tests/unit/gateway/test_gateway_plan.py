"""Which models answer to which name, and the configuration that says so."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from components.gateway.configuration import configuration, key_rights
from components.gateway.plan import GatewayPlan, plan_gateway
from components.gateway.settings import GatewaySettings
from tests.unit.serving.builders import QWEN_8B, R1, plan

KEYS = [{"name": "team-a", "secret": "teamA"}]


def gateway(*models: Any, **changes: Any) -> GatewayPlan:
    """A gateway before R1 and routed Qwen, or before `models`."""
    served = models or (plan(R1), plan(QWEN_8B, instance_type="g6e.xlarge", router={"apiKeySecret": "qwenKey"}))
    return plan_gateway(GatewaySettings.model_validate({"keys": KEYS, **changes}), served)


def deployments(planned: GatewayPlan, name: str) -> list[dict[str, Any]]:
    listed = configuration(planned)["model_list"]
    return [each["litellm_params"] for each in listed if each["model_name"] == name]


def test_each_model_answers_to_the_name_that_it_is_served_under() -> None:
    (r1,) = deployments(gateway(), "r1")
    assert (r1["model"], r1["api_key"]) == ("openai/r1", "none")
    assert r1["api_base"] == "http://r1-api.inference.svc.cluster.local:30000/v1"
    (qwen,) = deployments(gateway(), "qwen")
    assert qwen["api_base"] == "http://qwen.routers.svc.cluster.local:30000/v1"


def test_a_models_own_key_comes_from_the_environment() -> None:
    planned = gateway()
    (qwen,) = deployments(planned, "qwen")
    variable = qwen["api_key"].removeprefix("os.environ/")
    assert planned.engine_keys == {variable: "qwenKey"}


def test_a_route_draws_by_weight() -> None:
    planned = gateway(routes={"mix": {"to": {"r1": 75, "qwen": 25}}})
    assert {each["model"]: each["weight"] for each in deployments(planned, "mix")} == {
        "openai/r1": 75,
        "openai/qwen": 25,
    }


def test_versions_of_a_model_share_its_name_as_its_entry_does() -> None:
    current = plan(R1, entry={"traffic": {"r1": 90, "next": 10}})
    planned = gateway(current, plan({**R1, "name": "next", "servedName": "r1"}))
    hosts = {each["api_base"].split("//")[1].split("-api")[0]: each["weight"] for each in deployments(planned, "r1")}
    assert hosts == {"r1": 90, "next": 10}
    promoted = plan(R1, entry={"traffic": {"r1": 0, "next": 100}})
    planned = gateway(promoted, plan({**R1, "name": "next", "servedName": "r1"}))
    assert planned.models == {"next"}


def test_a_name_that_fails_falls_back() -> None:
    planned = gateway(routes={"r1": {"fallbacks": ["qwen"]}})
    assert configuration(planned)["router_settings"]["fallbacks"] == [{"r1": ["qwen"]}]
    assert len(deployments(planned, "r1")) == 1


def test_each_replica_keeps_its_part_of_a_limit() -> None:
    settings = GatewaySettings.model_validate(
        {
            "replicas": 3,
            "keys": [{**KEYS[0], "requestsPerMinute": 600, "concurrentRequests": 10, "models": ["r1"]}],
        }
    )
    rights = key_rights(settings.keys, {"teamA": "sk-secret"}, settings.replicas)
    assert rights[hashlib.sha256(b"sk-secret").hexdigest()] == {
        "key_alias": "team-a",
        "models": ["r1"],
        "rpm_limit": 200,
        "tpm_limit": None,
        "max_parallel_requests": 4,
    }
    assert "sk-secret" not in json.dumps(rights)
