"""`advise`: how to serve a model on a pool, predicted by aiconfigurator, as settings to paste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from infra.cli.console import fail, out, step
from infra.cli.options import Config, Stack
from infra.cli.source import Source

if TYPE_CHECKING:
    from components.serving.advisor.blocks import Place
    from components.serving.advisor.prediction import Candidate, Prediction, Question


def advise(
    model: Annotated[str, typer.Option("--model", metavar="M", help="Hugging Face id, e.g. Qwen/Qwen3-30B-A3B.")],
    pool: Annotated[str, typer.Option("--pool", metavar="P", help="Node pool of the stack that is to serve it.")],
    input_tokens: Annotated[int, typer.Option("--input-tokens", metavar="I", min=1, help="Tokens of a prompt.")],
    output_tokens: Annotated[int, typer.Option("--output-tokens", metavar="O", min=2, help="Tokens of an answer.")],
    ttft_ms: Annotated[float, typer.Option("--ttft-ms", metavar="X", min=1, help="Most ms to the first token.")],
    tpot_ms: Annotated[float, typer.Option("--tpot-ms", metavar="Y", min=0.1, help="Most ms for each further token.")],
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="R", min=0.001, help="Requests per second; without it the pool is filled."),
    ] = None,
    stack: Stack = None,
    config: Config = None,
    advisor_python: Annotated[
        Path | None,
        typer.Option("--advisor-python", metavar="FILE", help="A Python that has aiconfigurator; by default this one."),
    ] = None,
) -> None:
    """Predict how a model is served best on a pool: aggregated or disaggregated, and how many of each.

    Exit status 2 where there is no prediction; the reason is told.
    """
    from components.serving.advisor.prediction import NoPrediction, Question, ask

    raw = Source.of(stack, config).raw()
    place, gpu = _place(raw, pool)
    question = Question(model, gpu, place.gpus, input_tokens, output_tokens, ttft_ms, tpot_ms)
    try:
        with step("asking aiconfigurator, which takes seconds to minutes"):
            prediction = ask(question, advisor_python)
    except NoPrediction as error:
        _refuse(str(error))
    best, refused = _best(prediction, place, question, rate, raw)
    if best is None:
        said = f": {refused[0][1]}" if refused else "; `size` lists what fits"
        _refuse(f"this program refuses every predicted layout on {pool}{said}")
    _print(best, refused, prediction, place, question, rate)


@dataclass(frozen=True, slots=True)
class Advice:
    """A candidate, how many units of it, and the settings that ask for them."""

    candidate: Candidate
    number: int
    settings: dict[str, Any]

    @property
    def rate(self) -> float:
        """Requests per second of all units."""
        return self.number * self.candidate.rate


def _refuse(message: str) -> NoReturn:
    """End the command; names may have brackets, which are no markup."""
    from rich.markup import escape

    fail(escape(message))


def _place(raw: Mapping[str, Any], name: str) -> tuple[Place, str]:
    """The pool, and the name of its GPU."""
    from components.facts.instances import find_instance
    from components.serving.advisor.blocks import Place

    pools = {str(pool.get("name")): pool for pool in raw.get("nodePools") or [] if isinstance(pool, Mapping)}
    if name not in pools:
        _refuse(f"the stack has no node pool {name}; it has {', '.join(pools) or 'none'}")
    node = find_instance(str(pools[name].get("instanceType")))
    if node is None or node.gpu is None:
        _refuse(f"node pool {name} has no GPUs that are known")
    nodes = pools[name].get("nodes", 1)
    return Place(name, nodes if isinstance(nodes, int) else 1, node.gpus, node.rdma), node.gpu.name


def _best(
    prediction: Prediction, place: Place, question: Question, rate: float | None, raw: Mapping[str, Any]
) -> tuple[Advice | None, list[tuple[Candidate, str]]]:
    """The fastest candidate whose settings are valid in this stack, and those before it with what they are refused
    for.
    """
    from components.serving.advisor.blocks import block, units
    from infra.settings import validate

    refused: list[tuple[Candidate, str]] = []
    for candidate in prediction.candidates:
        number = units(candidate, place, rate)
        settings = block(candidate, place, question, number) if number else None
        if settings is None:
            refused.append((candidate, f"its engines do not divide the nodes of {place.pool}"))
            continue
        errors = validate({**raw, "models": [settings], "gateway": None}).errors
        if not errors:
            return Advice(candidate, number, settings), refused
        refused.append((candidate, f"{errors[0].path}: {errors[0].message}"))
    return None, refused


def _print(
    best: Advice,
    refused: list[tuple[Candidate, str]],
    prediction: Prediction,
    place: Place,
    question: Question,
    rate: float | None,
) -> None:
    from io import StringIO

    from ruamel.yaml import YAML

    from components.serving.advisor.blocks import TCP

    lines = [*_predicted(best, prediction, place, question), *_compared(best.candidate, refused, prediction)]
    if any(workers.gpus > place.gpus_per_node for workers in best.candidate.serving):
        lines.append("Its data of several nodes is of InfiniBand, not of EFA: measure before you rely on it.")
    if best.settings.get("disaggregation", {}).get("transport") == TCP:
        lines.append("The KV cache would travel over TCP, which the prediction does not count: measure both ways.")
    if rate is not None and best.rate < rate:
        lines.append(f"The pool falls short of {rate:g} requests/s.")
    text = StringIO()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump({"sglang-hyperpod:models": [best.settings]}, text)
    out().print("\n".join(f"# {line}" for line in lines), markup=False, soft_wrap=True)
    out().print(text.getvalue(), markup=False, soft_wrap=True, end="")


def _predicted(best: Advice, prediction: Prediction, place: Place, question: Question) -> list[str]:
    candidate = best.candidate
    return [
        f"A prediction of aiconfigurator {prediction.release} from data of SGLang {prediction.data}, no measurement:",
        f"{_way(candidate)}, {best.number * candidate.gpus} of {place.gpus} x {question.gpu},",
        f"{best.rate:.1f} requests/s of {question.input_tokens} + {question.output_tokens} tokens with "
        f"{best.number * candidate.concurrency} under way,",
        f"first token after {candidate.ttft_ms:.0f} ms, then one every {candidate.tpot_ms:.1f} ms, "
        f"{candidate.tokens_per_gpu:.0f} tokens/s per GPU.",
    ]


def _compared(best: Candidate, refused: list[tuple[Candidate, str]], prediction: Prediction) -> list[str]:
    """What the other way of serving would give, and why a faster layout was passed over."""
    lines = []
    other = next((each for each in prediction.candidates if each.disaggregated != best.disaggregated), None)
    if other is not None:
        lines.append(f"The best {_way(other)} layout is predicted {other.tokens_per_gpu:.0f} tokens/s per GPU.")
    if refused:
        lines.append(f"The {_way(refused[0][0])} one before this is refused here, {refused[0][1]}.")
    return lines


def _way(candidate: Candidate) -> str:
    return "disaggregated" if candidate.disaggregated else "aggregated"
