"""A planned object against the live one."""

from __future__ import annotations

from typing import Any

import pytest

from infra.doctor.compare import differences
from infra.offline.recording import Secret, Unknown

NOTHING: frozenset[str] = frozenset()


def found(planned: Any, live: Any, left_alone: frozenset[str] = NOTHING) -> list[str]:
    return [str(each) for each in differences(planned, live, left_alone)]


@pytest.mark.parametrize(
    ("planned", "live"),
    [
        ({"cpu": "0.5"}, {"cpu": "500m"}),
        ({"memory": "1Gi"}, {"memory": "1024Mi"}),
        ({"gpu": 8}, {"gpu": "8"}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "default": True}, "status": {}}),
        ({"a": None, "b": {}, "c": [], "d": "", "e": False}, {}),
        ({"handle": Unknown("fs.id"), "token": Secret()}, {"handle": "fs-1", "token": "eA=="}),
        ({"metadata": {"annotations": {"pulumi.com/waitFor": "x"}}}, {"metadata": {}}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "LWS", "value": "x"}, {"name": "A", "value": "1"}]}),
        (
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        ),
    ],
)
def test_what_means_the_same_is_no_difference(planned: Any, live: Any) -> None:
    assert found(planned, live) == []


@pytest.mark.parametrize(
    ("planned", "live", "told"),
    [
        ({"spec": {"replicas": 2}}, {"spec": {"replicas": 3}}, "spec.replicas is 3, planned 2"),
        ({"memory": "1Gi"}, {"memory": "1G"}, "memory is 1G, planned 1Gi"),
        ({"labels": {"app.x/name": "a"}}, {"labels": {}}, 'labels["app.x/name"] a is gone'),
        ({"a": {"b": {"c": 1}}}, {}, "a.b.c 1 is gone"),
        ({"args": ["--x", "1"]}, {"args": ["--x", "2"]}, "args[1] is 2, planned 1"),
        ({"args": ["--x"]}, {"args": ["--x", "--y"]}, "args[1] is --y, planned nothing"),
        ({"on": True}, {"on": False}, "on is False, planned True"),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B", "value": "1"}]}, "env[0].name A is gone"),
    ],
)
def test_what_differs_is_told_with_its_path(planned: Any, live: Any, told: str) -> None:
    assert found(planned, live)[0] == told


def test_what_an_autoscaler_owns_is_left_alone() -> None:
    planned, live = {"spec": {"replicas": 2, "size": 1}}, {"spec": {"replicas": 5, "size": 2}}
    assert found(planned, live, frozenset({"spec.replicas"})) == ["spec.size is 2, planned 1"]
