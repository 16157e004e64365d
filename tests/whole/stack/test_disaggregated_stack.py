"""A whole stack with prefill and decode apart: what the program registers for it, and what a preview says."""

from __future__ import annotations

import copy
import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from components.rules import Severity
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.policy.resource import Resource
from infra.policy.run import run, violations_of
from infra.report.markdown import preview_markdown
from infra.report.model import Preview
from infra.report.picture import draw
from infra.report.planned import plan_json
from infra.report.text import print_preview
from infra.settings import load_stack_file, validate
from infra.stack import deploy

STACK = Path(__file__).parents[2] / "stacks" / "Pulumi.disaggregated.yaml"
LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
GROUPS = ["r1-prefill", "r1-decode", "qwen3-8b-prefill", "qwen3-8b-decode"]


@cache
def apart() -> tuple[Plan, Recording]:
    """The stack of the tests, planned and recorded."""
    found = validate(load_stack_file(STACK))
    assert [str(problem) for problem in found.errors] == []
    assert found.settings is not None
    plan = resolve(found.settings)
    return plan, record(lambda: deploy(plan.settings, plan, "disaggregated"), stack="disaggregated")


def preview() -> Preview:
    return Preview.of(*apart())


def test_it_breaks_no_policy() -> None:
    plan, recording = apart()
    found = violations_of(recording, plan.settings)
    assert [str(problem) for problem in found if problem.severity is Severity.ERROR] == []


@pytest.mark.parametrize(("transport", "devices"), [("mooncake-tcp", "16"), ("", "16"), ("nixl-libfabric", "0")])
def test_a_privileged_pod_without_its_reason_breaks_one(transport: str, devices: str) -> None:
    """Only a transport over EFA is a reason, and only where the pod has EFA interfaces."""
    _, recording = apart()
    (made,) = [each for each in recording.of_type(LWS) if each.inputs["metadata"]["name"] == "r1-prefill"]
    group = Resource.of(made)
    props: Any = copy.deepcopy(dict(group.props))
    for template in ("leaderTemplate", "workerTemplate"):
        pod = props["spec"]["leaderWorkerTemplate"][template]
        pod["metadata"]["labels"]["sglang-hyperpod/transport"] = transport
        pod["spec"]["containers"][0]["resources"]["limits"]["vpc.amazonaws.com/efa"] = devices
    assert "pods.privileged" not in {each.check.id for each in run([group], protect=False)}
    assert "pods.privileged" in {each.check.id for each in run([replace(group, props=props)], protect=False)}


def test_prometheus_scrapes_every_phase_and_says_which() -> None:
    _, recording = apart()
    roles = {}
    for made in recording.of_type("kubernetes:monitoring.coreos.com/v1:PodMonitor"):
        (endpoint,) = made.inputs["spec"]["podMetricsEndpoints"]
        labels = {each.get("targetLabel"): each.get("replacement") for each in endpoint["relabelings"]}
        roles[made.inputs["metadata"]["name"]] = labels.get("role")
    assert {name: roles[name] for name in GROUPS} == {name: name.rpartition("-")[2] for name in GROUPS}


def test_each_phase_has_nodes_gpus_cost_and_fit() -> None:
    r1, qwen = plan_json(preview())["models"]
    assert (r1["mode"], r1["nodes"], r1["gpus"]) == ("disaggregated", 6, 48)
    assert (qwen["nodes"], qwen["gpus"]) == (1, 4)
    prefill, decode = r1["groups"]
    assert (prefill["nodes"], prefill["gpus"]) == (2, 16)
    assert (prefill["transport"], prefill["privileged"]) == ("nixl-libfabric", True)
    assert prefill["hourly"] == pytest.approx(2 * 63.296)
    assert decode["hourly"] == pytest.approx(4 * 63.296)
    assert decode["memory"]["mem_fraction_static"] != prefill["memory"]["mem_fraction_static"]
    assert [group["hourly"] for group in qwen["groups"]] == [pytest.approx(4.6016 / 2)] * 2
    assert r1["router"]["policies"] == {"prefill": "power_of_two", "decode": "power_of_two"}


def test_a_node_that_both_phases_share_is_used_once() -> None:
    pools = {pool["name"]: pool for pool in plan_json(preview())["node_pools"]}
    assert (pools["small"]["nodes_used"], pools["small"]["nodes_spare"]) == (1, 1)
    assert (pools["decode"]["nodes_used"], pools["decode"]["nodes_spare"]) == (4, 1)


def test_text_and_markdown_show_every_phase_with_its_router() -> None:
    text = io.StringIO()
    print_preview(Console(file=text, width=400), preview())
    for shown in (text.getvalue(), preview_markdown(preview())):
        rows = {name: line for line in shown.splitlines() for name in GROUPS if name in line and "SGLang 0.5" in line}
        assert set(rows) == set(GROUPS)
        assert all("2, power_of_two / power_of_two" in row for row in rows.values())
        assert "16 (8 per pod)" in rows["r1-prefill"]
        assert "253.18 USD" in rows["r1-decode"]


def test_the_picture_shows_every_phase() -> None:
    plan, _ = apart()
    picture = draw(plan, ".svg").decode()
    for name in GROUPS:
        assert name in picture
    assert "16 GPUs, 126.59 USD/h" in picture
