"""Which alerts a plan switches on, and how settings change them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.monitoring.alerts.catalogue import ALERTS
from components.monitoring.alerts.component import Alerts
from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Feature, Severity, fill
from components.monitoring.alerts.plan import AlertsPlan, expression_for, plan_alerts, threshold_values
from components.monitoring.alerts.settings import AlertSettings, ThresholdSettings
from tests.contract.alerts.stack import model, planned, watched
from tests.support import context, run

alerts = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def rule(plan: AlertsPlan, name: str) -> dict[str, Any]:
    (found,) = [
        rule for rules in plan.objects for group in rules.groups for rule in group["rules"] if rule.get("alert") == name
    ]
    return found


def test_names_are_unique() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)


@alerts
def test_every_alert_is_told_whole(alert: Alert) -> None:
    annotations = rule(planned(), alert.name)["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert all(annotations.values())
    assert alert.source


def test_every_threshold_is_used() -> None:
    used = {name for alert in ALERTS for name in alert.thresholds} - {"engines", "routers"}
    assert used == set(threshold_values(ThresholdSettings()))


def test_a_placeholder_without_a_value_is_an_error() -> None:
    assert fill("a > <errorRatio>", {"errorRatio": 0.01}) == "a > 0.01"
    with pytest.raises(KeyError, match="errorRation"):
        fill("a > <errorRation>", {"errorRatio": 0.01})


def test_a_threshold_is_written_into_the_rule() -> None:
    plan = planned(settings=AlertSettings(thresholds=ThresholdSettings(time_to_first_token_seconds=2.5)))
    expression = str(rule(plan, "TimeToFirstTokenHigh")["expr"])
    assert expression.endswith("> 2.5")
    assert "2.5 s" in rule(plan, "TimeToFirstTokenHigh")["annotations"]["description"]


def test_a_disabled_alert_is_gone() -> None:
    plan = planned(settings=AlertSettings(disabled=["GpusIdle"]))
    assert {alert.name for alert in ALERTS} - {alert.name for alert in plan.on} == {"GpusIdle"}


def test_alerts_can_be_off_altogether() -> None:
    assert planned(settings=AlertSettings(enabled=False)) == AlertsPlan()


def test_an_alert_without_its_exporter_is_off_and_says_which() -> None:
    poor = replace(watched(), exporters=frozenset(Exporter) - {Exporter.DCGM})
    plan = plan_alerts(AlertSettings(), poor)
    assert plan.off["GpuXidError"] == (Exporter.DCGM,)
    assert set(plan.off) == {alert.name for alert in ALERTS if Exporter.DCGM in alert.exporters}
    assert "GpuXidError" not in {alert.name for alert in plan.on}


def test_an_alert_on_what_the_plan_lacks_is_neither_on_nor_off() -> None:
    plain = replace(watched(), features=frozenset(Feature) - {Feature.ROUTER})
    plan = plan_alerts(AlertSettings(), plain)
    assert Family.ROUTER not in {alert.family for alert in plan.on}
    assert plan.off == {}


def test_an_engine_without_a_metric_is_refused() -> None:
    (alert,) = [alert for alert in ALERTS if alert.name == "WeightsLoadSlow"]
    with pytest.raises(ValueError, match=r"SGLang 0\.5\.8 does not export what WeightsLoadSlow reads"):
        expression_for(replace(alert, older=None), ["0.5.8"])


def test_links_begin_where_the_settings_say() -> None:
    settings = AlertSettings(runbook_base_url="https://example.com/books/", grafana_url="https://grafana.example.com")
    annotations = rule(planned(settings=settings), "QueueGrowing")["annotations"]
    assert annotations["runbook_url"] == "https://example.com/books/alerts/load.md#queuegrowing"
    link = "https://grafana.example.com/d/sglang-model?var-model={{ $labels.model }}"
    assert annotations["dashboard_url"] == link


def test_each_model_has_an_object_of_its_own() -> None:
    one, two = planned(), planned(model(), model(name="m2"))
    assert {rules.name for rules in two.objects} - {rules.name for rules in one.objects} == {"model-m2"}
    assert [rules for rules in two.objects if rules.name != "model-m2"] == list(one.objects)


def test_rules_are_objects_in_the_namespace_of_monitoring() -> None:
    recording = run(lambda: Alerts("alerts", context(), planned(), namespace="monitoring"))
    made = recording.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
    assert {one.inputs["metadata"]["namespace"] for one in made} == {"monitoring"}
    assert {one.inputs["metadata"]["name"] for one in made} == {f"sglang-{rules.name}" for rules in planned().objects}


def test_only_the_watchdog_is_for_nobody() -> None:
    assert [alert.name for alert in ALERTS if alert.severity is Severity.NONE] == ["Watchdog"]


def test_each_objective_of_a_model_has_both_alerts() -> None:
    (own,) = [rules for rules in planned().objects if rules.name == "model-m1"]
    rules = [rule for group in own.groups for rule in group["rules"] if "alert" in rule]
    assert sorted(rule["alert"] for rule in rules) == ["ObjectiveBurningFast"] * 3 + ["ObjectiveBurningSlowly"] * 3
    assert all(rule["annotations"]["runbook_url"].startswith("docs/runbooks/alerts/objectives.md#") for rule in rules)
    assert any("14.4 * 0.05" in rule["expr"] for rule in rules)


def test_objectives_can_be_off_and_their_alerts_too() -> None:
    quiet = planned(replace(model(), objectives=None))
    assert [len(rules.groups) for rules in quiet.objects if rules.name == "model-m1"] == [1]
    fewer = planned(settings=AlertSettings(disabled=["ObjectiveBurningSlowly"]))
    assert "ObjectiveBurningSlowly" not in str(fewer.objects)
