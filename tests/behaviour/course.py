"""A played day judged by Prometheus's own rule engine on its own clock: `promtool test rules`, no second of which is
real. What it says does not depend on how busy the machine is.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import tools
from tests.behaviour.history import STEP_SECONDS, scrape
from tests.behaviour.world import LOAD, OUTAGE, RECOVERY, Phase, World

PHASES = (Phase("load", 1800, LOAD), Phase("outage", 1800, OUTAGE), Phase("recovery", 1800, RECOVERY))
"""Half an hour of an outage burns an objective's budget for the hour that its fast alert looks back on."""

_GAP = "_"
"""How promtool writes that a series has no sample at a moment."""


@dataclass(frozen=True, slots=True)
class Course:
    """Rules on the played phases. `ends` tells by phase after how many seconds it is over."""

    promtool: Path
    folder: Path
    ends: Mapping[str, int]

    def differs(self, at: int, expression: str, expected: Sequence[str]) -> str:
        """What promtool objects to if the instant vector at that second should be a 1 for each of these `alertname`s;
        nothing if it is.
        """
        asked = {
            "expr": expression,
            "eval_time": f"{at}s",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)],
        }
        played = json.loads((self.folder / "played.json").read_text())
        test = {"interval": f"{STEP_SECONDS}s", "input_series": played, "promql_expr_test": [asked]}
        file = self.folder / "test.json"
        file.write_text(json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [test]}))
        done = subprocess.run([self.promtool, "test", "rules", file], capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr


def course(rules: Sequence[Mapping[str, Any]], folder: Path) -> Course:
    """Play load, outage and recovery, and keep the series that the rules ask for."""
    promtool = tools.find("promtool")
    assert promtool is not None, "promtool is not built (`make tools`)"
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": list(rules)}, width=10_000))
    asked = set(re.findall(r"[a-zA-Z_:][\w:]*", " ".join(rule["expr"] for group in rules for rule in group["rules"])))
    ends, values = _play(asked)
    series = [{"series": name, "values": " ".join(points)} for name, points in values.items()]
    (folder / "played.json").write_text(json.dumps(series))
    return Course(promtool, folder, ends)


def _play(asked: set[str]) -> tuple[dict[str, int], dict[str, list[str]]]:
    """When each phase ends, and a value for each step of each series whose name is asked for."""
    world, ends = World(), dict[str, int]()
    values: dict[str, list[str]] = {}
    steps = 0
    for phase in PHASES:
        world.conditions = phase.conditions
        for _ in range(round(phase.seconds / STEP_SECONDS)):
            world.step(STEP_SECONDS)
            for name, value in scrape(world):
                if name.partition("{")[0] in asked:
                    points = values.setdefault(name, [])
                    points += [_GAP] * (steps - len(points))
                    points.append(f"{value!r}")
            steps += 1
        ends[phase.name] = (steps - 1) * STEP_SECONDS
    return ends, {name: [*points, *[_GAP] * (steps - len(points))] for name, points in values.items()}
