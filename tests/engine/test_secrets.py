"""No secret is readable in the state, in outputs, in logs or in the simulated cloud's list of what it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.stack import EngineStack

SECRETS = {
    "huggingFaceToken": "hf_tokenOfTheHub",
    "clientKey": "sk-keyOfTheClients",
    "grafanaPassword": "passwordOfGrafana",
}


@pytest.fixture(scope="module")
def secretive(shipped: Callable[[str], EngineStack]) -> tuple[EngineStack, str]:
    """The dev stack with every kind of secret, deployed; and all that the engine printed."""
    stack = shipped("dev")
    stack.set("models[0].weights", {"tokenSecret": "huggingFaceToken"})
    stack.set("models[0].apiKeySecret", "clientKey")
    stack.set("monitoring", {"grafana": {"adminPasswordSecret": "grafanaPassword"}})
    for key, value in SECRETS.items():
        stack.set_secret(key, value)
    first, up = stack.preview("--diff"), stack.up()
    assert up.ok, up.errors()
    return stack, first.output + up.output + json.dumps(first.events + up.events)


@pytest.fixture
def own(secretive: tuple[EngineStack, str], tmp_path: Path) -> EngineStack:
    """A copy of it to change."""
    return secretive[0].clone(tmp_path / "own")


@pytest.mark.parametrize("secret", SECRETS.values())
def test_a_secret_is_nowhere_to_be_read(secretive: tuple[EngineStack, str], secret: str):
    stack, said = secretive
    assert secret not in said
    assert secret not in stack.state_file.read_text()
    assert secret not in stack.settings_file.read_text()
    assert secret not in stack.run("stack", "output", "--json", f"--stack={stack.name}").output
    assert secret not in stack.run("stack", "export", f"--stack={stack.name}").output


@pytest.mark.parametrize("secret", SECRETS.values())
def test_a_secret_arrives_in_one_kubernetes_secret_and_in_nothing_else(secretive: tuple[EngineStack, str], secret: str):
    holders = [thing for thing in secretive[0].world.things() if secret in json.dumps(thing.inputs)]
    assert [thing.inputs["kind"] for thing in holders] == ["Secret"]


def test_a_new_token_of_the_hub_touches_the_prefetch_only(own: EngineStack):
    own.set_secret("huggingFaceToken", "hf_another")
    assert {step.short for step in own.preview().changes} == {"update Secret qwen3-8b-weights-token"}


def test_a_new_client_key_rolls_the_groups_of_its_model_only(own: EngineStack):
    own.set_secret("clientKey", "sk-another")
    assert {step.short for step in own.preview().changes} == {
        "update Secret qwen3-8b-api-key",
        "update LeaderWorkerSet qwen3-8b-serve",
    }


def test_a_new_client_key_of_a_routed_model_rolls_its_routers_only(shipped: Callable[[str], EngineStack]):
    stack = shipped("dev")
    stack.set("models[0].router", {"apiKeySecret": "clientKey"})
    stack.set_secret("clientKey", SECRETS["clientKey"])
    up = stack.up()
    assert up.ok, up.errors()
    stack.set_secret("clientKey", "sk-another")
    assert {step.short for step in stack.preview().changes} == {
        "update Secret qwen3-8b-router-api-key",
        "update Deployment qwen3-8b-router-deployment",
    }
