"""Roles of a DisaggregatedSet are scaled by KEDA and the real autoscaler, each through its scaler."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from components.serving.names import NAMESPACE
from infra.cli.source import Source
from tests.cluster import keda
from tests.cluster.access import Account
from tests.cluster.control_plane import KEDA, control_plane, missing, scales_roles
from tests.cluster.deployment import Deployment
from tests.cluster.program import ROOT, program_of
from tests.cluster.prometheus import prometheus
from tests.cluster.test_scaling import APART, Scaled


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    if absent := [*missing(), *keda.missing()]:
        pytest.skip(f"cluster tier: `make tools` has not made {', '.join(absent)}")
    if not scales_roles():
        pytest.skip("cluster tier: `make tools` has not made lws-0.10, and 0.9 scales no role of a set")
    file = tmp_path_factory.mktemp("sets") / "Pulumi.sets.yaml"
    file.write_text(yaml.safe_dump({"config": _settings()}))
    planned = program_of(Source(file, "sets"))
    (release,) = [each for each in planned.recording.resources if each.name == "keda-release"]
    with control_plane() as plane, prometheus() as metrics:
        keda.install(plane, release.inputs["values"])
        stack = Scaled(plane, Deployment(replace(planned, prometheus=metrics.url), plane.client), metrics)
        for engine in stack.cluster.engines:
            stack.says(engine)
        stack.cluster.apply()
        yield stack


def _settings() -> dict[str, Any]:
    """The dev stack with the phases of `APART` in one set, on six nodes of their own."""
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    model: Any = copy.deepcopy(APART)
    model["disaggregation"]["kind"] = "DisaggregatedSet"
    pools = config["sglang-hyperpod:nodePools"]
    pools.append({**pools[0], "name": "phases", "nodes": 6})
    config["sglang-hyperpod:models"].append(model)
    return config


def test_roles_follow_their_signals_and_keep_their_proportion(scaled: Scaled) -> None:
    prefill, decode = scaled.phases
    scaled.says(decode, queue=1000)
    assert scaled.comes_to(4, decode) == 4
    assert scaled.comes_to(2, prefill) == 2
    scaled.says(decode)
    assert scaled.comes_to(1, prefill) == 1
    assert scaled.comes_to(1, decode) == 1


def test_keda_may_scale_a_role_and_change_no_set(scaled: Scaled) -> None:
    account = Account(scaled.plane.client, keda.NAMESPACE, KEDA)
    group = "disaggregatedset.x-k8s.io"
    assert account.may("update", "disaggregatedsetrolescalers/scale", NAMESPACE, group=group)
    assert not account.may("update", "disaggregatedsetrolescalers", NAMESPACE, group=group)
    assert not account.may("update", "disaggregatedsets", NAMESPACE, group=group)
