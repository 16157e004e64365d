"""The table of exporters against what the exporters themselves say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components.monitoring.alerts.exporters import SERIES, Exporter
from tests.contract.router import Engine, running
from tests.contract.test_router_live import routed
from tests.tools import source

DATA = Path(__file__).parents[1] / "data"


def lines(name: str) -> list[str]:
    return [line for line in (DATA / name).read_text().splitlines() if not line.startswith("#")]


def test_the_dcgm_exporter_collects_it() -> None:
    assert set(SERIES[Exporter.DCGM]) <= set(lines("dcgm-metrics.txt"))


def test_kube_state_metrics_has_it_with_these_labels() -> None:
    documented = {name: set(labels) for name, *labels in map(str.split, lines("kube-state-metrics.txt"))}
    for name, labels in SERIES[Exporter.KUBE_STATE].items():
        plain = {label for label in labels if not label.startswith("label_")}
        assert plain <= documented[name], name


def test_the_kubelet_has_it() -> None:
    folder = source("kubernetes")
    if folder is None:
        pytest.skip("the sources of Kubernetes cannot be had")
    text = "".join(
        (folder / "pkg/kubelet" / path).read_text() for path in ("metrics/metrics.go", "certificate/kubelet.go")
    )
    own = [name.removeprefix("kubelet_") for name in SERIES[Exporter.KUBELET] if name.startswith("kubelet_")]
    assert [name for name in own if f'"{name}"' not in text] == []
    assert own


def test_the_router_shows_it_with_these_labels(tmp_path: Path) -> None:
    pytest.importorskip("sglang_router.sglang_router_rs")
    engine = Engine("a")
    with running(routed(circuitBreaker={"failureThreshold": 1}), tmp_path, [engine.url]) as router:
        assert router.chat("hello").status == 200
        engine.close()
        assert router.chat("hello").status == 503
        text = router.metrics()
    shown: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(smg_\w+)\{(.*)\} ", text, re.MULTILINE):
        shown.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    for name, labels in SERIES[Exporter.ROUTER].items():
        assert set(labels) <= shown[name], name
