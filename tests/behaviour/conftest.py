"""One history for the whole tier, and Prometheus on it; tests that watch things happen start their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import tools
from tests.behaviour.history import record
from tests.behaviour.server import Prometheus, prometheus
from tests.behaviour.world import World


@dataclass(frozen=True, slots=True)
class History:
    """Prometheus with an hour and a quarter of the played stack: `phases` tells when each began and ended."""

    prometheus: Prometheus
    phases: dict[str, tuple[float, float]]

    @property
    def span(self) -> tuple[float, float]:
        """When the whole began and ended."""
        return min(start for start, _ in self.phases.values()), max(end for _, end in self.phases.values())


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    if absent := [name for name in ("prometheus", "promtool") if tools.find(name) is None]:
        pytest.skip(f"behaviour tier: `make tools` has not made {', '.join(absent)}")


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Load, outage and recovery, in the past of a running Prometheus."""
    folder: Path = tmp_path_factory.mktemp("history")
    phases = record(folder / "data", World())
    with prometheus(folder) as server:
        yield History(server, phases)
