"""Error budgets on the real Prometheus: burned fast, burned slowly, kept, unmeasured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.alerts.cases import Series, answers, engine, merged, router_answers
from tests.contract.alerts.stack import model, planned
from tests.contract.alerts.test_alert_rules import expectation, objections
from tests.tools import find

FAST, SLOW = "ObjectiveBurningFast", "ObjectiveBurningSlowly"


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = find("promtool")
    if found is None:
        pytest.skip("promtool is not built (`make tools`)")
    return found


def requests(metric: str, buckets: tuple[float, float, float], in_time: int, late: int) -> Series:
    """Requests a minute: `in_time` up to the second bucket, `late` up to the third."""
    courses = (f"0+{in_time}x60", f"0+{in_time}x60", f"0+{in_time + late}x60", f"0+{in_time + late}x60")
    bounds = (*(f"{bucket:g}" for bucket in buckets), "+Inf")
    return merged(
        *(engine(f"{metric}_bucket", course, f',le="{le}"') for le, course in zip(bounds, courses, strict=True))
    )


def first_tokens(in_time: int, late: int) -> Series:
    return requests("sglang:time_to_first_token_seconds", (4, 6, 8), in_time, late)


def tokens(in_time: int, late: int) -> Series:
    return requests("sglang:inter_token_latency_seconds", (0.08, 0.12, 0.2), in_time, late)


@pytest.mark.parametrize(
    ("objective", "routed", "burning", "creeping", "kept"),
    [
        ("ttft", True, first_tokens(10, 90), first_tokens(90, 10), first_tokens(99, 1)),
        ("itl", True, tokens(10, 90), tokens(90, 10), tokens(99, 1)),
        ("availability", False, answers("0+5x60"), answers("0+0.3x60"), answers("0+0.05x60")),
        ("availability", True, router_answers("0+5x60"), router_answers("0+0.3x60"), router_answers("0+0.05x60")),
    ],
    ids=["ttft", "itl", "availability-direct", "availability-routed"],
)
def test_a_budget_that_burns_is_told(
    promtool: Path, tmp_path: Path, objective: str, routed: bool, burning: Series, creeping: Series, kept: Series
) -> None:
    fires = f'{{model="m1",objective="{objective}"}}'
    tests = [
        expectation(FAST, burning, "30m", fires, "a burn that wakes someone"),
        expectation(FAST, creeping, "30m", None, "one that can wait"),
        expectation(SLOW, creeping, "50m", fires, "one that can wait is told all the same"),
        expectation(FAST, kept, "50m", None, "a kept objective"),
        expectation(SLOW, kept, "50m", None, "a kept objective"),
    ]
    assert objections(promtool, tmp_path, planned(model(routed=routed)), tests, "nothing but models") == ""


def test_what_prefill_measures_is_no_clients(promtool: Path, tmp_path: Path) -> None:
    series = {name.replace("serve", "prefill"): course for name, course in first_tokens(10, 90).items()}
    assert (
        objections(
            promtool, tmp_path, planned(), [expectation(FAST, series, "30m", None, "prefill")], "nothing but models"
        )
        == ""
    )


def test_an_answer_without_errors_is_a_kept_objective(promtool: Path, tmp_path: Path) -> None:
    good = {name: course for name, course in answers("0x60").items() if 'status_code="500"' not in name}
    test = expectation(FAST, good, "30m", None, "no error yet")
    test["promql_expr_test"].append(
        {
            "expr": 'sum by (objective) (sglang_hyperpod:objective_misses:ratio_rate5m{objective="availability"})',
            "eval_time": "30m",
            "exp_samples": [{"labels": '{objective="availability"}', "value": 0}],
        }
    )
    assert objections(promtool, tmp_path, planned(model(routed=False)), [test], "nothing but models") == ""
