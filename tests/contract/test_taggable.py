"""The list of types that take tags against the SDK's own arguments."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from components.facts.replaces import REPLACES
from infra.policy.checks.tags import TAGGABLE
from tests.shipped import recording

KNOWN = sorted(
    {token for token in (*REPLACES, *TAGGABLE) if token.startswith("aws:")}
    | {one.type for stack in ("dev", "prod") for one in recording(stack).resources if one.type.startswith("aws:")}
)


@pytest.mark.parametrize("token", KNOWN)
def test_a_type_is_listed_if_and_only_if_it_takes_tags(token: str) -> None:
    _, module, name = token.split(":")
    made = getattr(import_module(f"pulumi_aws.{module.split('/')[0]}"), name)
    assert ("tags" in inspect.signature(made._internal_init).parameters) is (token in TAGGABLE)
