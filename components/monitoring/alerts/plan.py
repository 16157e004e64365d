"""Which alerts a plan switches on, with their thresholds, and what only the plan knows, as recorded series. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from components.facts.engines import Cve, cves, engine
from components.monitoring.alerts.catalogue import ALERTS
from components.monitoring.alerts.catalogue.objectives import ALERTS as BURNS
from components.monitoring.alerts.exporters import Exporter
from components.monitoring.alerts.model import Alert, Family, Feature, Record, fill
from components.monitoring.alerts.objectives import Objectives, objectives_of
from components.monitoring.alerts.settings import AlertSettings, ThresholdSettings

_MODEL_RULES: Final = "model-"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedGroup:
    """One LeaderWorkerSet. A start that is not over after `start_seconds` never will be; `efa`: pods talk over EFA."""

    lws: str
    role: str
    pool: str
    start_seconds: int
    efa: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedModel:
    """A model as far as alerts go. `startup_seconds` is what its startup probe allows; `objectives` is None where the
    model has none; one that `sleeps` may have no group;
    `store`: it has a Mooncake store of its own.
    """

    name: str
    engine_version: str
    groups: tuple[WatchedGroup, ...]
    startup_seconds: int
    routed: bool = False
    sleeps: bool = False
    store: bool = False
    objectives: Objectives | None = None


@dataclass(frozen=True, slots=True)
class EndingCapacity:
    """A pool whose capacity ends. `kind` as the settings write it."""

    pool: str
    kind: str
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What there is to watch: who exports, what the plan has, the models, the namespaces of engines and routers."""

    exporters: frozenset[Exporter]
    features: frozenset[Feature]
    models: tuple[WatchedModel, ...]
    engines: str
    routers: str
    ending: tuple[EndingCapacity, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleObject:
    """One PrometheusRule: `name` tells it from the others, `groups` are Prometheus's rule groups."""

    name: str
    groups: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class AlertsPlan:
    """The rules of a stack. `off` says of each alert that the plan asks for and nothing can feed what is missing."""

    objects: tuple[RuleObject, ...] = ()
    on: tuple[Alert, ...] = ()
    off: Mapping[str, tuple[Exporter, ...]] = field(default_factory=dict)


def plan_alerts(settings: AlertSettings, watched: Watched) -> AlertsPlan:
    """The rules for what there is to watch; none at all where alerts are switched off."""
    if not settings.enabled:
        return AlertsPlan()
    wanted = [alert for alert in ALERTS if alert.features <= watched.features and alert.name not in settings.disabled]
    off = {alert.name: missing for alert in wanted if (missing := _missing(alert, watched))}
    on = tuple(alert for alert in wanted if alert.name not in off)
    values = {**threshold_values(settings.thresholds), "engines": watched.engines, "routers": watched.routers}
    objects = [
        _object(str(family), [_alert_rule(alert, settings, watched, values) for alert in on if alert.family is family])
        for family in Family
        if any(alert.family is family for alert in on)
    ]
    models = [_model_object(model, watched.engines, settings, values) for model in watched.models]
    return AlertsPlan((_plan_object(watched, values), *objects, *models), on, off)


def threshold_values(thresholds: ThresholdSettings) -> dict[str, float]:
    """Thresholds by the names that alerts and users call them."""
    return thresholds.model_dump(by_alias=True)


def expression_for(alert: Alert, versions: Sequence[str]) -> str:
    """The alert's expression for engines of these releases; raises ValueError where one has no metric for it.

    Where releases differ, each gets the series that it has: those of another release are not there, so `or` is enough.
    """
    newest = [version for version in versions if _has(version, alert.metrics)]
    rest = [version for version in versions if version not in newest]
    older = alert.older
    if not rest:
        return alert.expression
    if older is None or not all(_has(version, older[1]) for version in rest):
        raise ValueError(f"SGLang {rest[0]} does not export what {alert.name} reads")
    return f"{alert.expression} or {older[0]}" if newest else older[0]


def _has(version: str, metrics: Sequence[str]) -> bool:
    return {name for name in metrics if name.startswith("sglang:")} <= engine(version).series


def _missing(alert: Alert, watched: Watched) -> tuple[Exporter, ...]:
    return tuple(exporter for exporter in alert.exporters if exporter not in watched.exporters)


def _alert_rule(
    alert: Alert, settings: AlertSettings, watched: Watched, values: Mapping[str, float | str]
) -> dict[str, Any]:
    versions = sorted({model.engine_version for model in watched.models})
    return _written(alert, expression_for(alert, versions), settings, values)


def _written(
    alert: Alert, expression: str, settings: AlertSettings, values: Mapping[str, float | str]
) -> dict[str, Any]:
    """The alert as Prometheus reads it."""
    rule = {"alert": alert.name, "expr": fill(expression, values)}
    if alert.minutes:
        rule["for"] = f"{alert.minutes}m"
    return {
        **rule,
        "labels": {"severity": str(alert.severity), "family": str(alert.family)},
        "annotations": annotations(alert, settings, values),
    }


def annotations(alert: Alert, settings: AlertSettings, values: Mapping[str, float | str]) -> dict[str, str]:
    """What a person reads: the sentence, what it means, the runbook and the dashboard."""
    chosen = "?var-model={{ $labels.model }}" if "model" in alert.labels else ""
    return {
        "summary": fill(alert.summary, values),
        "description": fill(alert.description, values),
        "runbook_url": f"{settings.runbook_base_url.rstrip('/')}/{alert.page}",
        "dashboard_url": f"{settings.grafana_url.rstrip('/')}/d/{alert.dashboard}{chosen}",
    }


def _object(name: str, rules: Sequence[Mapping[str, Any]]) -> RuleObject:
    return RuleObject(name, ({"name": f"sglang-{name}", "rules": list(rules)},))


_POD_INFO: Final = (
    "max by (namespace, pod, model, lws, group, rank, fabric) ("
    "label_replace(label_replace(label_replace(label_replace(label_join("
    'kube_pod_labels{namespace=~"<engines>",label_leaderworkerset_sigs_k8s_io_name!=""},'
    ' "set_role", "-", "label_disaggregatedset_x_k8s_io_name", "label_disaggregatedset_x_k8s_io_role"),'
    ' "lws", "$1", "label_leaderworkerset_sigs_k8s_io_name", "(.+)"),'
    ' "lws", "$1", "set_role", "(.+-.+)"),'
    ' "group", "$1", "label_leaderworkerset_sigs_k8s_io_group_index", "(.+)"),'
    ' "rank", "$1", "label_leaderworkerset_sigs_k8s_io_worker_index", "(.+)")'
    " * on (lws) group_left (model, fabric) max by (lws, model, fabric) (sglang_hyperpod:group_info))"
)
"""Which pod belongs to which model: kube-state-metrics knows the labels of pods, the plan the model of each group.
LeaderWorkerSets of a DisaggregatedSet go by the names of set and role, since their own change with every version."""


def _plan_object(watched: Watched, values: Mapping[str, float | str]) -> RuleObject:
    """What the plan knows of the whole stack. Rules of one group run in order, so what is joined is there."""
    ends = [
        Record(
            "sglang_hyperpod:capacity_ends_timestamp_seconds",
            f"vector({capacity.ends.timestamp():.0f})",
            {"pool": capacity.pool, "kind": capacity.kind},
        )
        for capacity in watched.ending
    ]
    records = [Record("sglang_hyperpod:pod_info", fill(_POD_INFO, values)), *ends]
    return _object("plan", [record.rule() for record in records])


def _model_object(
    model: WatchedModel, engines: str, settings: AlertSettings, values: Mapping[str, float | str]
) -> RuleObject:
    known = _object(f"{_MODEL_RULES}{model.name}", [record.rule() for record in _known_of(model, engines)])
    promised = list(_promised_of(model, settings, values))
    if not promised:
        return known
    return RuleObject(known.name, (*known.groups, {"name": f"sglang-objectives-{model.name}", "rules": promised}))


def _promised_of(
    model: WatchedModel, settings: AlertSettings, values: Mapping[str, float | str]
) -> Iterator[dict[str, Any]]:
    """The misses of each objective over every window, then the alerts on them."""
    promised = model.objectives
    found = objectives_of(model.name, promised, routed=model.routed, sleeps=model.sleeps) if promised else ()
    for objective in found:
        yield from (record.rule() for record in objective.records(model.name))
    for objective in found:
        known = {**values, "model": model.name, "objective": objective.name, "budget": objective.budget}
        for alert in BURNS:
            if alert.name not in settings.disabled:
                rule = _written(alert, alert.expression, settings, known)
                rule["labels"] |= {"model": model.name, "objective": objective.name}
                yield rule


def _known_of(model: WatchedModel, engines: str) -> Iterator[Record]:
    """What the plan knows of a model, as constant series: groups, releases, planned times."""
    for group in model.groups:
        labels = {"model": model.name, "lws": group.lws}
        more = {"role": group.role, "pool": group.pool, "fabric": "efa" if group.efa else "tcp"}
        info = {**labels, **more, "engine_version": model.engine_version}
        yield Record("sglang_hyperpod:group_info", "vector(1)", info)
        yield Record("sglang_hyperpod:planned_start_seconds", f"vector({group.start_seconds})", labels)
        if model.sleeps:
            yield Record("sglang_hyperpod:asleep", _asleep(group, engines), {"model": model.name})
    if model.store:
        yield Record("sglang_hyperpod:store_info", "vector(1)", {"model": model.name})
    allowance = f"vector({model.startup_seconds})"
    yield Record("sglang_hyperpod:startup_allowance_seconds", allowance, {"model": model.name})
    yield from (_vulnerability(model, cve) for cve in cves(model.engine_version))


def _asleep(group: WatchedGroup, engines: str) -> str:
    """1 while no group is wanted, and for as long afterwards as the first one may take to start."""
    wanted = f'kube_statefulset_replicas{{namespace="{engines}",statefulset="{group.lws}"}}'
    return f"max_over_time((max({wanted}) == bool 0)[{group.start_seconds}s:1m]) == 1"


def _vulnerability(model: WatchedModel, cve: Cve) -> Record:
    labels = {
        "model": model.name,
        "engine_version": model.engine_version,
        "cve": cve.id,
        "score": f"{cve.score:g}",
        "fixed_in": cve.fixed_in,
    }
    return Record("sglang_hyperpod:engine_cve_info", "vector(1)", labels)
