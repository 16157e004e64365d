"""From a prediction to settings, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.serving.advisor.blocks import Place, block, units
from components.serving.advisor.prediction import NoPrediction, Prediction, Question, ask, read
from infra.cli.main import app
from infra.settings import load_stack_file, validate

ROOT = Path(__file__).parents[3]
QUESTION = Question("Qwen/Qwen3-30B-A3B", "H100", 40, 4000, 500, 2000, 50)
P5 = Place("p5", 5, 8, rdma=True)

# Rows of aiconfigurator 0.12.0, their columns cut down to those that are read.
AGGREGATED = {
    "concurrency": 448,
    "request_rate": 18.9,
    "ttft": 821.95,
    "tpot": 46.39,
    "tokens/s/gpu": 2360.93,
    "tp": 1,
    "pp": 1,
    "dp": 4,
    "moe_ep": 2,
    "cp": 1,
    "bs": 112,
    "version": "0.5.14",
}
DISAGGREGATED = {
    "concurrency": 400,
    "request_rate": 26.99,
    "ttft": 98.59,
    "tpot": 20.0,
    "tokens/s/gpu": 1686.99,
    **{"(p)workers": 1, "(p)tp": 8, "(p)pp": 1, "(p)dp": 1, "(p)moe_ep": 1, "(p)cp": 1, "(p)bs": 1},
    **{"(d)workers": 1, "(d)tp": 2, "(d)pp": 1, "(d)dp": 4, "(d)moe_ep": 1, "(d)bs": 100},
    "(p)version": "0.5.14",
}


def answer(**changes: Any) -> dict[str, Any]:
    return {"release": "0.12.0", "aggregated": [AGGREGATED], "disaggregated": [DISAGGREGATED], **changes}


def predicted(**changes: Any) -> Prediction:
    return read(answer(**changes), QUESTION)


def test_the_fastest_way_comes_first() -> None:
    prediction = predicted()
    assert [candidate.disaggregated for candidate in prediction.candidates] == [False, True]
    assert (prediction.release, prediction.data) == ("0.12.0", "0.5.14")
    faster = {**DISAGGREGATED, "tokens/s/gpu": 3000}
    assert predicted(disaggregated=[faster]).candidates[0].disaggregated


def test_an_aggregated_layout_in_our_words() -> None:
    """Four attention ranks of one GPU each are four tensor ranks that share the attention out."""
    candidate = predicted().candidates[0]
    assert block(candidate, P5, QUESTION, units(candidate, P5, None)) == {
        "name": "qwen3-30b-a3b",
        "model": "Qwen/Qwen3-30B-A3B",
        "contextLength": 5120,
        "nodePool": "p5",
        "nodesPerGroup": 1,
        "replicas": 10,
        "parallelism": {"tensor": 4, "data": 4, "dpAttention": True, "expert": 2},
        "packing": {"gpusPerPod": 4},
    }


def test_a_rate_takes_no_more_than_it_needs() -> None:
    candidate = predicted().candidates[0]
    assert units(candidate, P5, 50) == 3
    assert units(candidate, P5, 5000) == 10


def test_a_disaggregated_layout_is_valid_on_nodes_with_rdma() -> None:
    candidate = predicted(aggregated=[]).candidates[0]
    made = block(candidate, P5, QUESTION, units(candidate, P5, None))
    assert made is not None
    phases = made["disaggregation"]
    assert (phases["transport"], phases["privileged"]) == ("nixl-libfabric", True)
    assert phases["prefill"]["parallelism"] == {"tensor": 8}
    assert phases["decode"]["parallelism"] == {"tensor": 8, "data": 4, "dpAttention": True}
    assert (phases["prefill"]["replicas"], phases["decode"]["replicas"]) == (2, 2)
    raw = load_stack_file(ROOT / "Pulumi.prod.yaml")
    assert [str(error) for error in validate({**raw, "models": [made]}).errors] == []


def test_an_engine_that_does_not_divide_the_nodes_is_passed_over() -> None:
    six = {**AGGREGATED, "tp": 6, "dp": 1}
    (candidate,) = predicted(aggregated=[six], disaggregated=[]).candidates
    assert block(candidate, P5, QUESTION, 1) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"missing": True}, r"not installed; `pip install '.\[advisor\]'` brings 0.12.0"),
        ({"models": ["Qwen/Qwen3-8B", "a/b"]}, "has no data of Qwen/Qwen3-30B-A3B; .* e.g. Qwen/Qwen3-8B$"),
        ({"unsupported": True}, "has no data of Qwen/Qwen3-30B-A3B with SGLang on H100"),
        ({"aggregated": [], "disaggregated": []}, "finds no layout on 40 x H100 that answers 4000 tokens"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NoPrediction, match=said):
        predicted(**changes)


def test_a_gpu_without_data_is_said_before_anything_is_asked() -> None:
    with pytest.raises(NoPrediction, match="no data of the GPU A10G; it has of A100-80GB"):
        ask(Question("Qwen/Qwen3-8B", "A10G", 4, 100, 10, 1000, 50))


def fake_python(folder: Path, content: dict[str, Any]) -> Path:
    """A Python that gives a recorded answer to any question."""
    recorded = folder / "recorded.json"
    recorded.write_text(json.dumps(content))
    script = folder / "python"
    script.write_text(f'#!/bin/sh\ncp "{recorded}" "$3"\n')
    script.chmod(0o755)
    return script


def advise(*arguments: str) -> Any:
    limits = ("--input-tokens", "4000", "--output-tokens", "500", "--ttft-ms", "2000", "--tpot-ms", "50")
    named = ("--stack", "prod", "--model", "Qwen/Qwen3-30B-A3B", *limits)
    return CliRunner().invoke(app, ["advise", *named, *arguments])


def test_the_command_prints_settings_and_says_that_it_is_a_prediction(tmp_path: Path) -> None:
    python = fake_python(tmp_path, answer())
    result = advise("--pool", "p5", "--rate", "100", "--advisor-python", str(python))
    assert result.exit_code == 0, result.stderr
    assert "# A prediction of aiconfigurator 0.12.0 from data of SGLang 0.5.14, no measurement:" in result.stdout
    assert "# The best disaggregated layout is predicted 1687 tokens/s per GPU." in result.stdout
    pasted = tmp_path / "pasted.yaml"
    pasted.write_text(result.stdout.replace("sglang-hyperpod:models", "models"))
    models = load_stack_file(pasted)["models"]
    raw = load_stack_file(ROOT / "Pulumi.prod.yaml")
    assert [str(error) for error in validate({**raw, "models": models}).errors] == []
    assert models[0]["replicas"] == 6


def test_the_command_says_why_a_faster_layout_is_not_taken(tmp_path: Path) -> None:
    faster = {**DISAGGREGATED, "tokens/s/gpu": 3000, "(p)tp": 6}
    python = fake_python(tmp_path, answer(disaggregated=[faster]))
    result = advise("--pool", "p5", "--advisor-python", str(python))
    assert "# The disaggregated one before this is refused here, its engines do not divide" in result.stdout


def test_the_command_ends_where_pool_or_python_are_wrong(tmp_path: Path) -> None:
    missing = advise("--pool", "p9")
    assert (missing.exit_code, "no node pool p9; it has p5, g6e" in missing.stderr) == (2, True)
    nobody = advise("--pool", "p5", "--advisor-python", str(tmp_path / "nobody"))
    assert (nobody.exit_code, "No such file" in nobody.stderr) == (2, True)
