"""aiconfigurator itself, on the data that it ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.serving.advisor.blocks import Place, block, units
from components.serving.advisor.prediction import RELEASE, NoPrediction, Question, ask
from infra.settings import load_stack_file, validate
from tests.tools.python import environment

ADVISOR = environment("aiconfigurator")
pytestmark = pytest.mark.skipif(ADVISOR is None, reason="aiconfigurator is not installed in the cache (`make tools`)")
STACK = Path(__file__).parents[2] / "Pulumi.prod.yaml"


def test_a_prediction_is_settings_that_are_valid() -> None:
    question = Question("Qwen/Qwen3-8B", "H100", 40, 2000, 200, 2000, 50)
    prediction = ask(question, ADVISOR)
    assert prediction.release == RELEASE
    assert {candidate.disaggregated for candidate in prediction.candidates} == {True, False}
    assert all(candidate.tpot_ms <= 50 and candidate.ttft_ms <= 2000 for candidate in prediction.candidates)
    best = next(candidate for candidate in prediction.candidates if not candidate.disaggregated)
    place = Place("p5", 5, 8, rdma=True)
    made = block(best, place, question, units(best, place, 20))
    raw = load_stack_file(STACK)
    assert [str(error) for error in validate({**raw, "models": [made]}).errors] == []


@pytest.mark.parametrize(
    ("model", "gpu", "tpot", "said"),
    [
        ("example/unheard-of", "H100", 50, "has no data of example/unheard-of; .* e.g. "),
        ("Qwen/Qwen3-8B", "L4", 50, "has no data of Qwen/Qwen3-8B with SGLang on L4"),
        ("Qwen/Qwen3-8B", "H100", 0.1, "finds no layout"),
    ],
)
def test_what_it_cannot_predict_is_said(model: str, gpu: str, tpot: float, said: str) -> None:
    with pytest.raises(NoPrediction, match=said):
        ask(Question(model, gpu, 8, 2000, 200, 2000, tpot), ADVISOR)
