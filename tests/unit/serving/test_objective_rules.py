"""Objectives: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from components.rules import Problem
from components.serving.rules import rules
from tests.unit.serving.builders import QWEN_8B, model, problems

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"objectives": {"timeToFirstTokenSeconds": 900}}, "timeToFirstTokenSeconds", "900 s is outside the histogram's"),
    ({"objectives": {"timeToFirstTokenSeconds": 0.05}}, "timeToFirstTokenSeconds", "0.1 to 400 s"),
    ({"objectives": {"interTokenSeconds": 0.001}}, "interTokenSeconds", "0.002 to 8 s"),
    (
        {"objectives": {"interTokenSeconds": 1}, "arguments": {"bucket-inter-token-latency": [0.01, 0.5]}},
        "interTokenSeconds",
        "0.01 to 0.5 s",
    ),
    ({"objectives": {"availability": 1.0}}, "availability", "1.0 leaves no budget"),
    ({"objectives": {"latencyRatio": 1.0}}, "latencyRatio", "1.0 leaves no budget"),
    ({"objectives": {"latencyRatio": 0.9}}, "latencyRatio", "144% of the requests would have to miss"),
]


def seen(fields: dict[str, Any]) -> list[Problem]:
    found = problems(rules, model(QWEN_8B, **fields), "models[0]")
    return [problem for problem in found if problem.rule.startswith("objectives.")]


@pytest.mark.parametrize(("fields", "field", "message"), BAD, ids=[f"{bad[1]}-{bad[2][:9]}" for bad in BAD])
def test_an_impossible_objective_is_refused(fields: dict[str, Any], field: str, message: str) -> None:
    found = seen(fields)
    assert [problem.path for problem in found] == [f"models[0].objectives.{field}"]
    assert message in found[0].message
    assert found[0].fix


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"objectives": {"timeToFirstTokenSeconds": 400, "interTokenSeconds": 8, "latencyRatio": 0.999}},
        {"objectives": {"enabled": False, "availability": 1.0}},
        {"objectives": {"interTokenSeconds": 1}, "arguments": {"bucket-inter-token-latency": [0.01, 2]}},
    ],
)
def test_a_possible_one_is_not(fields: dict[str, Any]) -> None:
    assert seen(fields) == []
