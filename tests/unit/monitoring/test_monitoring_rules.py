"""The rules of monitoring: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from components.monitoring.alerts.rules import rules as alert_rules
from components.monitoring.alerts.settings import AlertSettings
from components.monitoring.receivers import AlertmanagerSettings
from components.monitoring.settings import MonitoringSettings, rules
from components.rules import Problem


def problems(settings: MonitoringSettings) -> list[Problem]:
    """All but what is said of receivers (`test_receivers`)."""
    own = [rule for rule in rules.rules if not rule.id.startswith("alertmanager.")]
    return [problem for rule in own for problem in rule.run("monitoring", settings)]


def test_the_defaults_break_no_rule() -> None:
    assert problems(MonitoringSettings()) == []


def test_retention_leaves_room_on_the_disk() -> None:
    (problem,) = problems(MonitoringSettings(retention_size_gib=90, storage_gib=100))
    assert problem.rule == "monitoring.retention-fits-disk"
    assert problem.path == "monitoring.retentionSizeGiB"
    assert "90 GiB of blocks leave too little of 100 GiB" in problem.message
    assert problem.fix == "set retentionSizeGiB to at most 85, or storageGiB to at least 106"


def test_what_the_fix_says_is_right() -> None:
    assert problems(MonitoringSettings(retention_size_gib=85, storage_gib=100)) == []
    assert problems(MonitoringSettings(retention_size_gib=90, storage_gib=106)) == []


def test_alerts_without_alertmanager_are_told() -> None:
    (problem,) = problems(MonitoringSettings(alertmanager=AlertmanagerSettings(enabled=False)))
    assert problem.rule == "monitoring.alerts-go-nowhere"
    assert problem.path == "monitoring.alertmanager.enabled"
    assert "no one is told" in problem.message


def test_sizes_are_written_in_gib() -> None:
    settings = MonitoringSettings.model_validate(
        {"retentionSizeGiB": 10, "storageGiB": 20, "grafana": {"storageGiB": 0}}
    )
    assert (settings.retention_size_gib, settings.storage_gib, settings.grafana.storage_gib) == (10, 20, 0)


def test_an_unknown_alert_cannot_be_switched_off() -> None:
    settings = AlertSettings(disabled=["GpusIdle", "GpuIdle", "Nonsense"])
    found = [problem for rule in alert_rules.rules for problem in rule.run("monitoring.alerts", settings)]
    assert [problem.path for problem in found] == ["monitoring.alerts.disabled[1]", "monitoring.alerts.disabled[2]"]
    assert found[0].message == "there is no alert GpuIdle"
    assert found[0].fix == "did you mean `GpusIdle`?"
    assert found[1].fix.startswith("there are BatchSmall, ")
