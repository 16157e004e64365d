"""A question to aiconfigurator and its answer. Pure but for the process that is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

RELEASE: Final = "0.12.0"
"""The release of aiconfigurator whose columns are known; the extra `advisor` pins it."""

SYSTEMS: Final = {
    "A100-80GB": "a100_sxm",
    "H100": "h100_sxm",
    "H200": "h200_sxm",
    "B200": "b200_sxm",
    "B300": "b300_sxm",
    "L4": "l4",
    "L40S": "l40s",
    "RTX-PRO-6000": "rtx_pro_6000_server",
}
"""aiconfigurator's name of a GPU (aiconfigurator_core 0.12.0, systems/*.yaml); it has no A10G and no A100 of 40 GB."""

_PATIENCE_SECONDS: Final = 1800
"""Longest that a prediction may take; DeepSeek-R1 on 64 GPUs takes minutes."""

_SHOWN_MODELS: Final = 6


class NoPrediction(Exception):
    """Why there is none, and what would help."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be served, on how many GPUs of which kind, and how fast: tokens, milliseconds."""

    model: str
    gpu: str
    gpus: int
    input_tokens: int
    output_tokens: int
    ttft_ms: float
    tpot_ms: float

    def as_json(self) -> dict[str, Any]:
        """The question as `predict.py` reads it."""
        return {
            "model": self.model,
            "system": SYSTEMS[self.gpu],
            "gpus": self.gpus,
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "ttftMs": self.ttft_ms,
            "tpotMs": self.tpot_ms,
        }


@dataclass(frozen=True, slots=True)
class Workers:
    """Engines of one kind: how many in a unit, and the layout of each. `expert` are expert-parallel ranks."""

    count: int
    tensor: int
    pipeline: int
    data: int
    expert: int
    batch: int

    @property
    def gpus(self) -> int:
        """GPUs of one of them."""
        return self.tensor * self.pipeline


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of serving, as predicted for the smallest unit that can be repeated: one engine, or so many prefill and
    decode engines. Times in ms, rate in requests per second.
    """

    serving: tuple[Workers, ...]
    rate: float
    ttft_ms: float
    tpot_ms: float
    tokens_per_gpu: float
    concurrency: int

    @property
    def disaggregated(self) -> bool:
        """Whether prefill and decode run apart."""
        return len(self.serving) > 1

    @property
    def gpus(self) -> int:
        """GPUs of a unit."""
        return sum(workers.count * workers.gpus for workers in self.serving)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What aiconfigurator answered, the best of each way first; `data` is the SGLang release that its data is of."""

    release: str
    data: str
    candidates: tuple[Candidate, ...]


def ask(question: Question, python: Path | None = None) -> Prediction:
    """Ask the aiconfigurator of `python`, by default of this Python; `NoPrediction` where it has no answer."""
    if question.gpu not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        raise NoPrediction(f"aiconfigurator has no data of the GPU {question.gpu}; it has of {known}")
    script = Path(__file__).with_name("predict.py")
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "question.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps(question.as_json()), encoding="utf-8")
        command = [str(python or sys.executable), str(script), str(asked), str(answered)]
        try:
            done = subprocess.run(  # noqa: S603 - the user's own Python, and a script of this program
                command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
            )
        except OSError as error:
            raise NoPrediction(f"{python}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise NoPrediction(f"aiconfigurator had no answer after {_PATIENCE_SECONDS // 60} minutes") from error
        if done.returncode or not answered.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise NoPrediction(f"aiconfigurator failed: {last}")
        return read(json.loads(answered.read_text(encoding="utf-8")), question)


def read(answer: Mapping[str, Any], question: Question) -> Prediction:
    """The answer of `predict.py`; `NoPrediction` with what it lacks."""
    if answer.get("missing"):
        raise NoPrediction(
            f"aiconfigurator is not installed; `pip install '.[advisor]'` brings {RELEASE}, or name a Python that has "
            "it: --advisor-python FILE"
        )
    release = str(answer["release"])
    if "models" in answer:
        family = question.model.split("/")[0]
        near = [name for name in answer["models"] if name.startswith(f"{family}/")] or list(answer["models"])
        shown = ", ".join(near[:_SHOWN_MODELS])
        raise NoPrediction(
            f"aiconfigurator {release} has no data of {question.model}; ask for a model of the same shape, e.g. {shown}"
        )
    if answer.get("unsupported"):
        raise NoPrediction(f"aiconfigurator {release} has no data of {question.model} with SGLang on {question.gpu}")
    rows = [(row, False) for row in answer["aggregated"]] + [(row, True) for row in answer["disaggregated"]]
    candidates = [_candidate(row, apart) for row, apart in rows if _expressible(row, apart)]
    if not candidates:
        raise NoPrediction(
            f"aiconfigurator {release} finds no layout on {question.gpus} x {question.gpu} that answers "
            f"{question.input_tokens} tokens within {question.ttft_ms:g} ms and goes on at {question.tpot_ms:g} ms each"
        )
    candidates.sort(key=lambda candidate: -candidate.tokens_per_gpu)
    return Prediction(release, str(rows[0][0].get("version") or rows[0][0].get("(p)version")), tuple(candidates))


def _expressible(row: Mapping[str, Any], apart: bool) -> bool:
    """Context parallelism of a prefill has no setting here."""
    return row.get("(p)cp" if apart else "cp", 1) == 1


def _candidate(row: Mapping[str, Any], apart: bool) -> Candidate:
    serving = (
        (_workers(row, "(p)", int(row["(p)workers"])), _workers(row, "(d)", int(row["(d)workers"])))
        if apart
        else (_workers(row, "", 1),)
    )
    return Candidate(
        serving=serving,
        rate=float(row["request_rate"]),
        ttft_ms=float(row["ttft"]),
        tpot_ms=float(row["tpot"]),
        tokens_per_gpu=float(row["tokens/s/gpu"]),
        concurrency=int(row["concurrency"]),
    )


def _workers(row: Mapping[str, Any], prefix: str, count: int) -> Workers:
    """Its `dp` are attention's data-parallel ranks, each of `tp` GPUs; SGLang's tensor ranks are all of them."""
    tensor, data = int(row[f"{prefix}tp"]), int(row[f"{prefix}dp"])
    return Workers(
        count=count,
        tensor=tensor * data,
        pipeline=int(row[f"{prefix}pp"]),
        data=data,
        expert=int(row[f"{prefix}moe_ep"]),
        batch=int(row[f"{prefix}bs"]),
    )
