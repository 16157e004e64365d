"""What the picture shows of whole plans: shared nodes, room to scale, the gateway, stores, and what keeps signals."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from functools import cache
from typing import Any

import pytest

from infra.plan import Plan, resolve
from infra.report.picture.layout import WIDTH, svg
from infra.report.picture.mermaid import mermaid
from infra.report.picture.scene import scene_of
from infra.report.picture.svg import TRAFFIC, Box, text_width
from infra.settings import load_stack_file, validate
from tests.shipped import ROOT

SVG = "{http://www.w3.org/2000/svg}"
MODEL: dict[str, Any] = {"name": "qwen", "model": "Qwen/Qwen3-8B", "contextLength": 16384}
ALONE = MODEL | {"nodePool": "g6", "packing": {"gpusPerPod": 4}, "parallelism": {"tensor": 4}}
ENTRY = {"entry": {"host": "llm.example.com", "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a-1"}}
GATEWAY = {"keys": [{"name": "team-a", "secret": "teamA"}]}


def apart(*, decode: int) -> dict[str, Any]:
    """Prefill on two GPUs of a node, decode on so many."""
    packed = [{"nodePool": "g6", "packing": {"gpusPerPod": n}, "parallelism": {"tensor": n}} for n in (2, decode)]
    phases = {"transport": "mooncake-tcp", "prefill": packed[0], "decode": packed[1]}
    return MODEL | {"disaggregation": phases, "router": {}}


SECTIONS: dict[str, dict[str, Any]] = {
    "shared": {"models": [apart(decode=2)]},
    "free": {"models": [apart(decode=1)]},
    "scaled": {"models": [ALONE | {"autoscaling": {"minReplicas": 0, "maxReplicas": 2}}], "gateway": GATEWAY},
    "gateway": {"models": [ALONE], "gateway": GATEWAY | ENTRY},
    "gateway inside": {"models": [ALONE], "gateway": GATEWAY},
    "gateway beside an entry": {"models": [ALONE | ENTRY, ALONE | {"name": "other"}], "gateway": GATEWAY},
    "store": {
        "models": [
            ALONE
            | {
                "scheduling": {"pageSize": 64},
                "hierarchicalCache": {
                    "sizeGB": 16,
                    "storage": {"backend": "mooncake", "mooncake": {"deploy": {"segmentGiB": 4}}},
                },
            }
        ]
    },
    "kept in the cluster": {
        "monitoring": {"logs": {"enabled": True, "destination": "loki"}, "traces": {"enabled": True}}
    },
    "kept by AWS": {"monitoring": {"profile": "aws", "logs": {"enabled": True}, "traces": {"enabled": True}}},
    "logs alone": {"monitoring": {"enabled": False, "logs": {"enabled": True, "destination": "loki"}}},
}


@cache
def plan(name: str) -> Plan:
    """The dev stack, two nodes of four GPUs, with other sections."""
    found = validate(dict(load_stack_file(ROOT / "Pulumi.dev.yaml")) | {"secrets": ["teamA"]} | SECTIONS[name])
    assert found.settings is not None, [str(problem) for problem in found.errors]
    return resolve(found.settings)


def root(name: str) -> ET.Element:
    return ET.fromstring(svg(scene_of(plan(name))))


def words(name: str) -> list[str]:
    return [element.text or "" for element in root(name).iter(f"{SVG}text")]


def gpus(name: str) -> tuple[int, int]:
    """The dots that serve and those that are free, without the legend's."""
    dots = list(root(name).iter(f"{SVG}circle"))[:-2]
    free = sum(dot.get("fill") == "#ffffff" for dot in dots)
    return len(dots) - free, free


def test_roles_that_share_a_node_are_drawn_with_the_gpus_that_each_takes() -> None:
    assert gpus("shared") == (4, 4)
    assert "1 spare node" in words("shared")
    assert not any("free GPUs" in text for text in words("shared"))


def test_gpus_that_nobody_takes_of_a_shared_node_are_free() -> None:
    assert gpus("free") == (3, 5)
    assert "1 free GPU" in words("free")
    assert "1 free GPU" in mermaid(scene_of(plan("free")))


def test_an_autoscaled_model_says_its_range_and_what_nodes_wait_for_it() -> None:
    assert any("0 to 2 replicas" in text for text in words("scaled"))
    assert "1 node for more replicas" in words("scaled")
    assert not any("spare node" in text for text in words("scaled"))
    assert gpus("scaled") == (4, 4)
    assert "1 for more replicas" in mermaid(scene_of(plan("scaled")))


def test_requests_reach_the_model_through_the_gateway_alone() -> None:
    for name in ("gateway", "gateway inside"):
        flows = mermaid(scene_of(plan(name)))
        assert "entry -->|requests| gateway" in flows
        assert "gateway -->|requests| model0_0" in flows
        assert "entry -->|requests| model" not in flows
        assert "LiteLLM gateway" in words(name)
        assert len(traffic(name)) == 2


def test_a_gateway_without_the_entry_that_its_model_has_is_not_reached_by_it() -> None:
    flows = mermaid(scene_of(plan("gateway beside an entry")))
    assert "entry -->|requests| gateway" not in flows
    assert "entry -->|requests| model0_0" in flows
    assert "entry -->|requests| model0_1" not in flows
    assert flows.count("gateway -->|requests| model") == 2


def traffic(name: str) -> list[ET.Element]:
    """The ways of requests within the VPC."""
    ways = [way for way in root(name).iter(f"{SVG}path") if way.get("stroke") == TRAFFIC]
    return [way for way in ways if way.get("d", "").count("L") > 1]


def test_a_store_of_a_model_is_named() -> None:
    assert "Mooncake store of qwen" in words("store")
    assert not any("Mooncake" in text for text in words("shared") if "KV cache" not in text)


def test_what_keeps_logs_and_traces_is_named_where_it_is() -> None:
    inside, outside = scene_of(plan("kept in the cluster")), scene_of(plan("kept by AWS"))
    assert {"Loki", "Tempo"} <= set(inside.monitoring)
    assert inside.kept_outside == ()
    assert {"Loki", "Tempo"}.isdisjoint(outside.monitoring)
    assert [name for name, _ in outside.kept_outside] == ["CloudWatch", "AWS X-Ray", "Managed Prometheus"]
    assert {"CloudWatch", "AWS X-Ray", "Managed Prometheus"} <= set(words("kept by AWS"))


def test_without_prometheus_no_metrics_are_read() -> None:
    assert "Loki" in words("logs alone")
    assert "|metrics|" not in mermaid(scene_of(plan("logs alone")))


@pytest.mark.parametrize("name", SECTIONS)
def test_no_two_boxes_cross_and_words_stay_in_the_picture(name: str) -> None:
    rects = [rect for rect in root(name).iter(f"{SVG}rect") if rect.get("x")]
    boxes = [Box(*(float(rect.get(key, "0")) for key in ("x", "y", "width", "height"))) for rect in rects]
    for one, other in itertools.combinations(boxes, 2):
        clear = one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y
        assert clear or _within(one, other) or _within(other, one), (one, other)
    for text in root(name).iter(f"{SVG}text"):
        width = text_width(text.text or "", float(text.get("font-size", "13")))
        start = float(text.get("x", "0")) - (width / 2 if text.get("text-anchor") == "middle" else 0)
        assert start >= 0, text.text
        assert start + width <= WIDTH, text.text


def _within(inner: Box, outer: Box) -> bool:
    return outer.x <= inner.x and outer.y <= inner.y and inner.right <= outer.right and inner.bottom <= outer.bottom
