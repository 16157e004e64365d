"""Every alert fires on a bad course, is silent on a good one and where data is missing: Prometheus's own verdict."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.alerts.catalogue import ALERTS
from components.monitoring.alerts.model import Family
from components.monitoring.alerts.plan import AlertsPlan
from components.monitoring.alerts.settings import AlertSettings, ThresholdSettings
from tests.contract.alerts.cases import CASES, Case, Series, autoscaler
from tests.contract.alerts.stack import model, planned
from tests.tools import find

FROM_THE_PLAN = {"Watchdog", "EngineVulnerable", "ReservedCapacityEnding", "ReservedCapacityEndsToday"}
FAMILIES = frozenset(map(str, Family))
ABSENCE_IS_THE_POINT = {"Watchdog", "ClusterMetricsLost"}


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = find("promtool")
    if found is None:
        pytest.skip("promtool is not built (`make tools`)")
    return found


def rule_file(plan: AlertsPlan, folder: Path, only: str | None = None) -> Path:
    """The rules as a file; with `only`, those of this family and what the plan records."""
    file = folder / "rules.yaml"
    wanted = [rules for rules in plan.objects if only is None or rules.name == only or rules.name not in FAMILIES]
    groups = [dict(group) for rules in wanted for group in rules.groups]
    file.write_text(yaml.safe_dump({"groups": groups}, width=10_000))
    return file


def expectation(name: str, series: Series, at: str, fires: str | None, title: str) -> dict[str, Any]:
    """A promtool test: at that time the alert fires with these labels, or does not."""
    labels = (fires or "{}").strip("{}")
    names = ", ".join(part.partition("=")[0] for part in labels.split('",') if part)
    samples = [{"labels": fires, "value": 1}] if fires else []
    return {
        "name": f"{name}: {title}",
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'sum by ({names}) (ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": at,
                "exp_samples": samples,
            }
        ],
    }


def objections(
    promtool: Path,
    folder: Path,
    plan: AlertsPlan,
    tests: list[dict[str, Any]],
    only: str | None = None,
) -> str:
    """Let promtool run the tests: what it objects to, nothing where they hold."""
    file = folder / "tests.yaml"
    rules = rule_file(plan, folder, only)
    content = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(content, width=10_000))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def metric(series: str) -> str:
    return series.partition("{")[0]


def courses(name: str, case: Case) -> Iterator[dict[str, Any]]:
    """The bad course, the good one, and the bad one without each of its metrics."""
    yield expectation(name, {**case.bad, **case.more}, case.at, case.labels, "fires on the bad course")
    yield expectation(name, {**case.good, **case.more}, case.at, None, "is silent on the good course")
    whole = {**case.bad, **case.more}
    for missing in sorted({metric(series) for series in whole}):
        rest = {series: values for series, values in whole.items() if metric(series) != missing}
        if missing not in case.survives:
            yield expectation(name, rest, case.at, None, f"is silent without {missing}")


def test_every_alert_has_a_case() -> None:
    assert set(CASES) | FROM_THE_PLAN == {alert.name for alert in ALERTS}


def test_prometheus_takes_the_rules(promtool: Path, tmp_path: Path) -> None:
    plan = planned()
    done = subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", rule_file(plan, tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = sum(len(group["rules"]) for rules in plan.objects for group in rules.groups)
    assert f"{count} rules found" in done.stdout


@pytest.mark.parametrize("family", sorted({alert.family for alert in ALERTS}))
def test_alerts_fire_on_bad_courses_only(promtool: Path, tmp_path: Path, family: Family) -> None:
    cases = [(alert.name, CASES[alert.name]) for alert in ALERTS if alert.family is family and alert.name in CASES]
    assert (
        objections(
            promtool, tmp_path, planned(), [test for name, case in cases for test in courses(name, case)], family
        )
        == ""
    )


def test_without_any_data_only_what_tells_of_absence_fires(promtool: Path, tmp_path: Path) -> None:
    silent = {
        "interval": "1m",
        "input_series": [{"series": "something_else", "values": "1x200"}],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "70m",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(ABSENCE_IS_THE_POINT)
                ],
            }
        ],
    }
    assert objections(promtool, tmp_path, planned(), [silent]) == ""


def test_what_the_plan_knows_needs_no_exporter(promtool: Path, tmp_path: Path) -> None:
    vulnerable = '{model="m1",engine_version="0.5.8",cve="CVE-2026-5760",score="9.8",fixed_in="0.5.12.post1"}'
    nothing = {"something_else": "1x100"}
    test = expectation("EngineVulnerable", nothing, "5m", vulnerable, "a release with a CVE")
    test["promql_expr_test"][0]["expr"] = test["promql_expr_test"][0]["expr"].replace("{", '{cve="CVE-2026-5760",')
    assert objections(promtool, tmp_path, planned(model("0.5.8")), [test], "security") == ""


def test_the_end_of_capacity_is_told_in_time(promtool: Path, tmp_path: Path) -> None:
    nothing, pool = {"something_else": "1x100"}, '{pool="p5",kind="capacityBlock"}'
    tests = [
        expectation("ReservedCapacityEnding", nothing, "10m", None, "24 h 50 min before"),
        expectation("ReservedCapacityEnding", nothing, "40m", pool, "24 h 20 min before"),
        expectation("ReservedCapacityEndsToday", nothing, "50m", None, "24 h 10 min before"),
        expectation("ReservedCapacityEndsToday", nothing, "65m", pool, "23 h 55 min before"),
    ]
    settings = AlertSettings(thresholds=ThresholdSettings(capacity_days=1.02))
    assert objections(promtool, tmp_path, planned(settings=settings, hours=25), tests, "capacity") == ""


def test_a_release_without_known_vulnerabilities_is_silent(promtool: Path, tmp_path: Path) -> None:
    assert (
        objections(
            promtool,
            tmp_path,
            planned(),
            [expectation("EngineVulnerable", {"x{}": "1x9"}, "5m", None, "0.5.17")],
            "security",
        )
        == ""
    )


def test_each_release_is_asked_for_what_it_exports(promtool: Path, tmp_path: Path) -> None:
    case = CASES["WeightsLoadSlow"]
    old = {
        series.replace("sglang:weight_load_duration_seconds", "sglang:engine_load_weights_time"): values
        for series, values in {**case.bad, **case.more}.items()
    }
    for models in ((model("0.5.8"),), (model("0.5.8"), model("0.5.17", "m2"))):
        test = expectation("WeightsLoadSlow", old, case.at, case.labels, "fires on the older metric")
        assert objections(promtool, tmp_path, planned(*models), [test], "storage") == ""


def wanted(groups: str) -> Series:
    """How many groups of m1 are wanted."""
    return {'kube_statefulset_replicas{namespace="inference",statefulset="m1"}': groups}


def test_a_model_without_a_group_alarms_nobody_until_one_should_have_come(promtool: Path, tmp_path: Path) -> None:
    """Its alerts fire on a lost group as those of any model, and again once a start takes longer than planned."""
    plan = planned(model(sleeps=True))
    for name in ("ModelNotServing", "NoHealthyWorker", "RouterErrorRateHigh"):
        case = CASES[name]
        bad = {**case.bad, **case.more}
        folder = tmp_path / name
        folder.mkdir()
        tests = [
            expectation(name, {**bad, **wanted("1x60")}, "30m", case.labels, "fires where a group is wanted"),
            expectation(name, {**bad, **wanted("0x60")}, "30m", None, "is silent while none is"),
            expectation(name, {**bad, **wanted("0x25 1x35")}, "50m", None, "is silent while the first one starts"),
            expectation(name, {**bad, **wanted("0x5 1x55")}, "50m", case.labels, "fires after the planned start"),
        ]
        family = next(alert.family for alert in ALERTS if alert.name == name)
        assert objections(promtool, folder, plan, tests, family) == ""


def test_an_autoscaler_that_may_go_to_none_is_not_at_its_limit(promtool: Path, tmp_path: Path) -> None:
    """Kubernetes calls it limited from below too, where KEDA's least of 1 is also the most."""
    tests = [
        expectation("ScalingAtLimit", autoscaler(1, 1, most=1), "30m", None, "1 of 1 to 1 groups"),
        expectation("ScalingAtLimit", autoscaler(2, 1, most=2), "30m", CASES["ScalingAtLimit"].labels, "2 of 1 to 2"),
    ]
    assert objections(promtool, tmp_path, planned(), tests, Family.CAPACITY) == ""


def test_what_a_sleeping_model_answers_takes_none_of_its_budget(promtool: Path, tmp_path: Path) -> None:
    router = 'namespace="routers",pod="r1",model="m1",role="router"'
    refused = {
        f'smg_http_requests_total{{{router},method="POST",path="/v1/chat/completions"}}': "0+10x90",
        f'smg_http_responses_total{{{router},status_code="503",error_code="no_available_workers"}}': "0+10x90",
    }
    burning = '{model="m1",objective="availability"}'
    for sleeps, fires in ((True, None), (False, burning)):
        test = expectation("ObjectiveBurningFast", refused, "80m", fires, f"sleeps: {sleeps}")
        assert objections(promtool, tmp_path, planned(model(sleeps=sleeps)), [test]) == ""


def test_a_threshold_moves_the_alert(promtool: Path, tmp_path: Path) -> None:
    case = CASES["KvCacheNearlyFull"]
    plan = planned(settings=AlertSettings(thresholds=ThresholdSettings(kv_cache_ratio=0.95)))
    assert (
        objections(
            promtool, tmp_path, plan, [expectation("KvCacheNearlyFull", case.bad, case.at, None, "0.9 of 0.95")], "load"
        )
        == ""
    )


def test_the_harness_sees_an_alert_that_does_not_fire(promtool: Path, tmp_path: Path) -> None:
    case = CASES["KvCacheNearlyFull"]
    wrong = expectation("KvCacheNearlyFull", case.good, case.at, case.labels, "fires on a good course")
    assert "KvCacheNearlyFull" in objections(promtool, tmp_path, planned(), [wrong], "load")
