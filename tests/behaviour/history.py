"""Hours of a played stack as blocks of Prometheus's storage, made at once: `promtool tsdb create-blocks-from`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests import tools
from tests.behaviour.world import SCENARIO, Phase, World

STEP_SECONDS = 30
"""Between two scrapes: as long as the queries' own windows allow, since an hour has to be written in seconds."""


def record(
    data: Path,
    world: World,
    phases: Sequence[Phase] = SCENARIO,
    *,
    step: float = STEP_SECONDS,
    keep: Callable[[str], bool] = lambda series: True,
) -> dict[str, tuple[float, float]]:
    """Write the phases, one after the other from the world's clock on, into the storage folder `data`.

    `keep` decides by a series (`name{label="value",...}`) whether it is stored: a history of days keeps few. Returns
    when each phase began and ended, in seconds since 1970.
    """
    text = data.with_suffix(".openmetrics")
    times: dict[str, tuple[float, float]] = {}
    kept: dict[str, bool] = {}
    with text.open("w") as file:
        for phase in phases:
            world.conditions, began = phase.conditions, world.clock
            for _ in range(round(phase.seconds / step)):
                world.step(step)
                for series, value in scrape(world):
                    if series not in kept:
                        kept[series] = keep(series)
                    if kept[series]:
                        file.write(f"{series} {value!r} {world.clock:.3f}\n")
            times[phase.name] = (began, world.clock)
        file.write("# EOF\n")
    _blocks(text, data)
    text.unlink()
    return times


def scrape(world: World) -> list[tuple[str, float]]:
    """Every series that a scrape would store now, with its value."""
    found: list[tuple[str, float]] = []
    for target in world.targets:
        found.append((target.up_series(), float(target.up)))
        if target.up:
            found += target.stored()
    return found


def _blocks(text: Path, data: Path) -> None:
    promtool = tools.find("promtool")
    assert promtool is not None, "promtool is not built (`make tools`)"
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", text, data]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
