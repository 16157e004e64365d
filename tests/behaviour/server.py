"""The real Prometheus on loopback, and what a test asks it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from tests import tools
from tests.behaviour.exporter import HONOR_LABEL
from tests.cluster.processes import Processes, free_ports

SCRAPE = "250ms"
PATIENCE = 240
"""Seconds to wait for what must come, on a machine however busy: nobody waits longer than it takes."""
LOOKBACK = "70s"
"""How old a sample may be and still count. A history has no marks of series that ended, so that the default of five
minutes would keep lost pods alive; it must be longer than the history's step."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series of an answer: its labels (the name among them) and its points, (seconds since 1970, value)."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The last value."""
        return self.points[-1][1]


class QueryError(AssertionError):
    """Prometheus refused a query."""


class Prometheus:
    """A running server. Times are seconds since 1970; without one, now."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """An instant vector."""
        asked = {"query": expression, **({"time": f"{at:.3f}"} if at is not None else {})}
        return [Series(row["metric"], (_point(row["value"]),)) for row in self._vector(self.api("query", asked))]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """A range of instant vectors."""
        asked = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        rows = self.api("query_range", asked)["result"]
        return [Series(row["metric"], tuple(map(_point, row["values"]))) for row in rows]

    def label_values(self, label: str, selector: str, start: float, end: float) -> list[str]:
        """The values of a label among the series of a selector."""
        asked = {"match[]": selector, "start": f"{start:.3f}", "end": f"{end:.3f}"}
        return list(self.api(f"label/{label}/values", asked))

    def firing(self, expression: str, start: float, end: float, *, hold: float = 0, step: float = 30) -> list[Series]:
        """Where in a history an alert of this expression would fire that must `hold` so many seconds: its series, each
        with the moments at which it had held that long.
        """
        found = []
        for series in self.query_range(expression, start, end, step):
            points, since, before = [], 0.0, -1e9
            for moment, value in series.points:
                since = moment if moment - before > 1.5 * step else since
                before = moment
                if moment - since >= hold:
                    points.append((moment, value))
            if points:
                found.append(Series(series.labels, tuple(points)))
        return found

    def alerts(self, name: str | None = None) -> list[dict[str, Any]]:
        """Alerts that are pending or firing, as Prometheus's own API tells them."""
        every = self.api("alerts", {})["alerts"]
        return [alert for alert in every if name is None or alert["labels"]["alertname"] == name]

    def wait(
        self, expression: str, holds: Callable[[list[Series]], object] = bool, seconds: float = PATIENCE
    ) -> list[Series]:
        """An instant vector, once it is as it should be (by default: not empty); AssertionError if it never is."""
        deadline = time.monotonic() + seconds
        while not holds(found := self.query(expression)):
            assert time.monotonic() < deadline, f"{expression} is {found} after {seconds:.0f} s"
            time.sleep(0.1)
        return found

    def wait_for_alert(
        self, name: str, *, state: str | None = "firing", seconds: float = PATIENCE
    ) -> dict[str, Any] | None:
        """Wait until an alert of that name is in a state, or with None until there is none; AssertionError if not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.alerts(name)
            if state is None and not found:
                return None
            for alert in found:
                if alert["state"] == state:
                    return alert
            time.sleep(0.2)
        shown = [alert["state"] for alert in self.alerts(name)]
        raise AssertionError(f"{name} is {shown or 'silent'} after {seconds:.0f} s, not {state or 'silent'}")

    def parse(self, expression: str) -> dict[str, Any]:
        """The tree that Prometheus's own parser makes of an expression."""
        return dict(self.api("parse_query", {"query": expression}))

    def api(self, path: str, parameters: Mapping[str, str]) -> Any:
        """The `data` of an answer of the HTTP API; QueryError with Prometheus's words where it refuses."""
        request = Request(f"{self.url}/api/v1/{path}?{urlencode(parameters)}")
        try:
            with urlopen(request, timeout=30) as response:
                return json.load(response)["data"]
        except HTTPError as error:
            raise QueryError(json.loads(error.read())["error"]) from error

    @staticmethod
    def _vector(data: Mapping[str, Any]) -> list[dict[str, Any]]:
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return list(data["result"])


@contextmanager
def prometheus(
    folder: Path,
    *,
    rules: Sequence[Mapping[str, Any]] = (),
    discovery: str | None = None,
    alertmanager: str | None = None,
    labels: Mapping[str, str] | None = None,
    static: Sequence[Mapping[str, Any]] = (),
    features: Sequence[str] = (),
    interval: str = SCRAPE,
) -> Generator[Prometheus]:
    """Run Prometheus on the storage folder `folder/data`, which may hold a history.

    `rules` are groups as a PrometheusRule has them, evaluated every `interval`; `discovery` is an exporter's and
    `static` are other targets, scraped every `interval`; `alertmanager` is `host:port`, and `labels` are what every
    alert sent there has besides its own.
    """
    program = tools.find("prometheus")
    assert program is not None, "prometheus is not built (`make tools`)"
    (port,) = free_ports(1)
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [dict(group) for group in rules]}))
    configuration = _configuration(folder / "rules.yaml", discovery, alertmanager, interval)
    configuration["global"]["external_labels"] = dict(labels or {})
    if static:
        configuration.setdefault("scrape_configs", []).append({"job_name": "static", "static_configs": list(static)})
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    processes = Processes(folder)
    processes.start(
        "prometheus",
        [
            program,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--query.lookback-delta={LOOKBACK if discovery is None else '5m'}",
            f"--web.listen-address=127.0.0.1:{port}",
            *(f"--enable-feature={feature}" for feature in features),
        ],
    )
    server = Prometheus(f"http://127.0.0.1:{port}")
    try:
        processes.wait_for(f"{server.url}/-/ready")
        yield server
    finally:
        processes.stop_all()


def _configuration(rules: Path, discovery: str | None, alertmanager: str | None, interval: str) -> dict[str, Any]:
    shared = {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    configuration: dict[str, Any] = {"global": shared, "rule_files": [str(rules)]}
    if discovery is not None:
        configuration["scrape_configs"] = [_job(discovery, honor) for honor in (True, False)]
    if alertmanager is not None:
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return configuration


def _job(discovery: str, honor: bool) -> dict[str, Any]:
    keep = {"action": "keep", "source_labels": [HONOR_LABEL], "regex": str(honor).lower()}
    return {
        "job_name": f"played-{'honoring' if honor else 'renaming'}",
        "honor_labels": honor,
        "http_sd_configs": [{"url": discovery, "refresh_interval": "1s"}],
        "relabel_configs": [keep],
    }


def _point(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
