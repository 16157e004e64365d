"""The rules of monitoring: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from components.monitoring.settings import AlertmanagerSettings, MonitoringSettings, rules
from components.rules import Problem


def problems(settings: MonitoringSettings) -> list[Problem]:
    return [problem for rule in rules.rules for problem in rule.run("monitoring", settings)]


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
