"""Asks aiconfigurator; runs in a Python that has it, since it brings much that the program does not need.

`predict.py QUESTION ANSWER`: two files of JSON, see `components.serving.advisor.prediction`. Nothing is fetched: for a
model outside aiconfigurator's own data it would ask Hugging Face, so that is told before.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The best rows of both ways of serving, best first, or what keeps them from being predicted."""
    if find_spec("aiconfigurator") is None:
        return {"missing": True}
    from importlib.metadata import version
    from importlib.resources import files

    release = version("aiconfigurator")
    known = files("aiconfigurator_core") / "model_configs"
    if not (known / f"{asked['model'].replace('/', '--')}_config.json").is_file():
        names = sorted(file.name.removesuffix("_config.json") for file in known.iterdir() if "quant" not in file.name)
        return {"release": release, "models": [name.replace("--", "/", 1) for name in names]}
    from aiconfigurator.cli.api import cli_default, cli_support  # ty: ignore[import-not-found]
    from aiconfigurator.sdk.errors import NoFeasibleConfigError  # ty: ignore[import-not-found]

    aggregated, disaggregated = tuple(cli_support(asked["model"], asked["system"], backend="sglang"))[:2]
    if not (aggregated or disaggregated):
        return {"release": release, "unsupported": True}
    try:
        found = cli_default(
            asked["model"],
            asked["gpus"],
            asked["system"],
            backend="sglang",
            isl=asked["inputTokens"],
            osl=asked["outputTokens"],
            ttft=asked["ttftMs"],
            tpot=asked["tpotMs"],
            strict_sla=True,
            top_n=8,
        )
    # It ends the process where every way of serving fails.
    except (NoFeasibleConfigError, SystemExit):
        return {"release": release, "aggregated": [], "disaggregated": []}
    rows = {name: json.loads(frame.to_json(orient="records")) for name, frame in found.best_configs.items()}
    return {"release": release, "aggregated": rows.get("agg", []), "disaggregated": rows.get("disagg", [])}


def main(question: str, target: str) -> None:
    """Read the question, write the answer."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    asked = json.loads(Path(question).read_text(encoding="utf-8"))
    Path(target).write_text(json.dumps(answer(asked)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
