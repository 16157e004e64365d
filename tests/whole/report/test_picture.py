"""The picture: everything of the plan is in it, nothing overlaps, every format is what it says."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest

from infra.report.model import Preview
from infra.report.picture import FORMATS, draw
from infra.report.picture.layout import WIDTH, svg
from infra.report.picture.mermaid import mermaid
from infra.report.picture.scene import ModelScene, PoolScene, Scene, ZoneScene, scene_of
from infra.report.picture.svg import KV_CACHE, Box, text_width

SVG = "{http://www.w3.org/2000/svg}"


def model(**changes: Any) -> ModelScene:
    values: dict[str, Any] = {
        "name": "deepseek-r1",
        "lines": ("deepseek-ai/DeepSeek-R1", "2 replicas", "context 65,536 tokens"),
        "replicas": 2,
        "nodes_per_group": 2,
        "pods_per_node": 1,
        "gpus_per_pod": 8,
        "mounts": True,
        "served": True,
    }
    return ModelScene(**values | changes)


def scene(*pools: PoolScene, load_balancer: tuple[str, ...] = ("Application Load Balancer",)) -> Scene:
    return Scene(
        title="sglang",
        subtitle="us-east-1",
        network="VPC 10.0.0.0/16",
        control_plane=("EKS control plane",),
        system_pool=("System pool", "3 m7i.4xlarge"),
        platform=("LeaderWorkerSet", "KEDA"),
        monitoring=("Prometheus",),
        load_balancer=load_balancer,
        way_out="2 NAT gateways",
        sources=("Hugging Face Hub",),
        prefetched=True,
        zones=(ZoneScene("use1-az4", (), ()), ZoneScene("use1-az6", (), pools, ("FSx for Lustre", "4,800 GiB"))),
    )


P5 = PoolScene("Node pool p5", ("5 ml.p5.48xlarge",), 8, 1, (model(),))
G6E = PoolScene("Node pool g6e", ("2 ml.g6e.12xlarge",), 4, 0, (model(name="qwen", gpus_per_pod=4, nodes_per_group=1),))


def boxes(text: str) -> Iterator[Box]:
    for rect in ET.fromstring(text).iter(f"{SVG}rect"):
        if rect.get("x"):
            yield Box(*(float(rect.get(key, "0")) for key in ("x", "y", "width", "height")))


def texts(text: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(text).iter(f"{SVG}text")]


def dots(text: str) -> int:
    return len(list(ET.fromstring(text).iter(f"{SVG}circle")))


def test_every_part_of_the_plan_is_named(dev: Preview) -> None:
    words = "\n".join(texts(draw(dev.plan, ".svg").decode()))
    for part in (
        "sglang-dev",
        "us-east-1",
        "g6.12xlarge",
        "qwen3-8b",
        "FSx for Lustre",
        "Prometheus",
        "EKS control plane",
    ):
        assert part in words


def test_there_is_a_dot_for_every_gpu() -> None:
    legend = 2
    assert dots(svg(scene(P5))) == 5 * 8 + legend


def test_many_replicas_are_counted_and_not_all_drawn() -> None:
    crowd = PoolScene("Node pool p5", (), 8, 0, (model(replicas=40, nodes_per_group=1),))
    picture = svg(scene(crowd))
    assert "and 34 more like these" in texts(picture)
    assert dots(picture) < 100


def test_pods_that_share_a_node_are_drawn_on_it() -> None:
    packed = PoolScene(
        "Node pool g6", (), 4, 0, (model(replicas=3, nodes_per_group=1, pods_per_node=4, gpus_per_pod=1),)
    )
    assert "3 replicas" in texts(svg(scene(packed)))


def test_no_two_boxes_cross() -> None:
    for first, second in itertools.combinations(boxes(svg(scene(P5, G6E))), 2):
        apart = (
            first.right <= second.x or second.right <= first.x or first.bottom <= second.y or second.bottom <= first.y
        )
        assert apart or _within(first, second) or _within(second, first), (first, second)


def test_everything_is_on_the_canvas() -> None:
    picture = svg(scene(P5, G6E))
    height = float(ET.fromstring(picture).get("height", "0"))
    assert all(box.x >= 0 and box.right <= WIDTH and box.bottom <= height for box in boxes(picture))


def test_lines_of_text_end_on_the_canvas() -> None:
    for element in ET.fromstring(svg(scene(P5, G6E))).iter(f"{SVG}text"):
        width = text_width(element.text or "", float(element.get("font-size", "13")))
        start = float(element.get("x", "0")) - (width / 2 if element.get("text-anchor") == "middle" else 0)
        assert start >= 0, element.text
        assert start + width <= WIDTH, element.text


def pool_of(*models: ModelScene) -> PoolScene:
    return PoolScene("Node pool", ("4 p5en.48xlarge",), 8, 0, models)


def test_the_kv_cache_goes_from_prefill_to_decode_by_its_transport() -> None:
    sends = model(name="r1-prefill", sends_to="r1-decode", sends_by="KV cache by nixl-libfabric")
    drawn = scene(pool_of(sends), pool_of(model(name="other"), model(name="r1-decode")))
    root = ET.fromstring(svg(drawn))
    heights = {element.text: float(element.get("y", 0)) for element in root.iter(f"{SVG}text")}
    arrows = [element for element in root.iter(f"{SVG}path") if element.get("stroke") == KV_CACHE]
    (arrow,) = [each for each in arrows if abs(_ends(each)[0] - heights["r1-prefill"]) < 10]
    assert arrow.get("marker-end")
    assert heights["KV cache by nixl-libfabric"] == heights["r1-prefill"]
    assert abs(_ends(arrow)[1] - heights["r1-decode"]) < 10
    assert "KV cache" in heights
    assert "model0_0 ==>|KV cache by nixl-libfabric| model1_1" in mermaid(drawn)


def test_without_phases_apart_there_is_no_such_way() -> None:
    drawn = scene(pool_of(model()))
    assert KV_CACHE not in svg(drawn).partition("</defs>")[2]
    assert "==>" not in mermaid(drawn)


def _ends(path: ET.Element) -> tuple[float, float]:
    """The heights at which a path begins and ends."""
    points = re.findall(r"[ML](\S+) (\S+)", path.get("d", ""))
    return float(points[0][1]), float(points[-1][1])


def test_without_a_load_balancer_clients_are_in_the_cluster() -> None:
    assert "Clients in the cluster" in texts(svg(scene(P5, load_balancer=())))


def test_mermaid_has_balanced_subgraphs_and_known_nodes(dev: Preview) -> None:
    text = mermaid(scene_of(dev.plan))
    assert text.startswith("flowchart TB\n")
    assert text.count("subgraph ") == len(re.findall(r"^ *end$", text, flags=re.MULTILINE))
    named = set(re.findall(r"^ *(?:subgraph )?(\w+)\[", text, flags=re.MULTILINE))
    for line in text.splitlines():
        if "-->" in line or "-.->" in line:
            ends = re.sub(r"\|[^|]*\||\[[^\]]*\]", "", line).replace("-.->", "-->").split("-->")
            assert {end.strip() for end in ends} <= named, line


@pytest.mark.parametrize(("ending", "head"), [(".svg", b"<svg "), (".png", b"\x89PNG"), (".mmd", b"flowchart")])
def test_each_format_is_what_its_ending_says(dev: Preview, ending: str, head: bytes) -> None:
    assert draw(dev.plan, ending).startswith(head)


def test_the_formats_are_those_that_can_be_drawn(dev: Preview) -> None:
    assert all(draw(dev.plan, ending) for ending in FORMATS)


def test_the_picture_is_the_same_every_time(dev: Preview) -> None:
    assert draw(dev.plan, ".svg") == draw(dev.plan, ".svg")


def _within(inner: Box, outer: Box) -> bool:
    return outer.x <= inner.x and outer.y <= inner.y and inner.right <= outer.right and inner.bottom <= outer.bottom
