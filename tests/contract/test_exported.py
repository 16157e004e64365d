"""The played stack's series are those of the exporters: held against what they themselves say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.behaviour.world.shapes import other_shapes, router_shapes
from tests.contract.router import Engine, running
from tests.contract.test_router_live import routed
from tests.tools import source

DOCUMENTED = Path(__file__).parent / "data" / "kube-state-metrics.txt"


def test_the_router_still_exports_what_was_recorded(tmp_path: Path) -> None:
    pytest.importorskip("sglang_router.sglang_router_rs")
    alive, dead = Engine("a"), Engine("b")
    with running(routed(circuitBreaker={"failureThreshold": 2}), tmp_path, [alive.url, dead.url]) as router:
        router.together(4, tokens=1)
        for engine in (alive, dead):
            engine.close()
        for number in range(4):
            router.chat(f"lost {number}")
        text = router.metrics()
    shown: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(smg_\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        shown.setdefault(re.sub("_(bucket|sum|count)$", "", name), set()).update(re.findall(r'(\w+)="', labels))
    for name, (_, labels) in router_shapes().items():
        assert shown[name] - {"le", "quantile"} == labels, name


def test_kube_state_metrics_documents_what_is_played() -> None:
    lines = [line.split() for line in DOCUMENTED.read_text().splitlines() if not line.startswith("#")]
    documented = {name: set(labels) for name, *labels in lines}
    played = {name: labels for name, (_, labels) in other_shapes().items() if name.startswith("kube_")}
    assert len(played) > 15
    for name, labels in played.items():
        assert {label for label in labels if not label.startswith("label_")} <= documented[name], name


def test_keda_registers_what_is_played() -> None:
    folder = source("keda")
    if folder is None:
        pytest.skip("the sources of KEDA cannot be had")
    text = (folder / "pkg/metricscollector/prommetrics.go").read_text()
    registered = {f"keda_{part}_{name}" for part, name in re.findall(r'Subsystem:\s*"(\w+)",\s*Name:\s*"(\w+)"', text)}
    played = {name for name in other_shapes() if name.startswith("keda_")}
    assert played <= registered
