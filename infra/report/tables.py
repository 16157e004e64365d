"""The sections of a preview as tables, which text and Markdown both write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.aws.nodes.settings import After
from infra.offline.recording import Recorded
from infra.report.figures import TIMES, UNKNOWN, count, gib, listed, minutes, money
from infra.report.kept import kept
from infra.report.model import Preview
from infra.report.scaling import COLUMNS, scaled_groups, scaling_remarks, scaling_rows
from infra.report.ways import (
    ENTRY_COLUMNS,
    ROUTE_COLUMNS,
    entries_of,
    entry_remarks,
    entry_rows,
    gateway_remarks,
    route_rows,
)

if TYPE_CHECKING:
    from components.serving.plan import GroupPlan, ModelPlan
    from infra.plan import Plan
    from infra.plan.order import Step
    from infra.plan.savings import Saving

_NUMBERS = frozenset(
    {"#", "count", "per hour", "per month", "needed", "available", "minutes", "starts", "takes", "resources"}
)


@dataclass(frozen=True, slots=True)
class Table:
    """A section: heading, columns, rows, and remarks below them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...] = ()

    def right(self, column: str) -> bool:
        """Whether a column holds numbers, which stand to the right."""
        return column in _NUMBERS


def tables_of(preview: Preview) -> Iterator[Table]:
    """The sections, in the order of the report."""
    yield _components(preview)
    yield _waves(preview)
    yield _critical_path(preview)
    yield _pools(preview)
    yield _zones(preview)
    yield _models(preview)
    if any(entries_of(preview.plan)):
        yield Table("Ways in", ENTRY_COLUMNS, tuple(entry_rows(preview.plan)), entry_remarks())
    if scaled_groups(preview.plan):
        yield Table("Scaling", COLUMNS, tuple(scaling_rows(preview.plan)), tuple(scaling_remarks(preview.plan)))
    if preview.plan.gateway:
        rows, remarks = tuple(route_rows(preview.plan.gateway)), tuple(gateway_remarks(preview.plan.gateway))
        yield Table("Gateway", ROUTE_COLUMNS, rows, remarks)
    yield _memory(preview)
    yield _kept(preview)
    yield _cost(preview)
    yield _quotas(preview)


def kind(resource: Recorded) -> str:
    """The last part of a type token: `Subnet` of `aws:ec2/subnet:Subnet`."""
    return resource.type.rsplit(":", 1)[1]


def _components(preview: Preview) -> Table:
    by_urn = preview.recording.by_urn
    position = {urn: number for number, urn in enumerate(by_urn)}
    made: dict[str, list[Recorded]] = {}
    for resource in preview.created:
        top = resource
        while top.parent in by_urn:
            top = by_urn[top.parent]
        made.setdefault(top.urn, []).append(resource)
    rows = []
    for urn, resources in sorted(made.items(), key=lambda item: position[item[0]]):
        kinds = Counter(kind(resource) for resource in resources)
        names = [name if number == 1 else f"{name} {TIMES} {number}" for name, number in kinds.items()]
        rows.append((by_urn[urn].name, kind(by_urn[urn]), str(len(resources)), listed(names, 8)))
    remark = f"{count(len(preview.created), 'resource')} to create."
    eks = [resource.name for resource in preview.created if resource.made_by]
    remarks = (remark, f"Made by the package eks itself: {', '.join(eks)}.") if eks else (remark,)
    return Table("Components", ("component", "kind", "resources", "what it creates"), tuple(rows), remarks)


def _waves(preview: Preview) -> Table:
    rows = []
    for number, wave in enumerate(preview.order.waves, start=1):
        slow = max(wave, key=lambda step: step.estimate.minutes or 0)
        slowest = f"{slow.resource.name} ({minutes(slow.estimate.minutes)})" if slow.estimate.minutes else ""
        rows.append((str(number), str(len(wave)), listed(_names(wave), 6), slowest))
    remarks = ("What is in one wave is created at the same time.",)
    return Table("Waves of creation", ("#", "count", "resources created together", "slowest"), tuple(rows), remarks)


def _names(wave: list[Step]) -> list[str]:
    return [step.resource.name for step in sorted(wave, key=lambda step: -(step.estimate.minutes or 0))]


def _critical_path(preview: Preview) -> Table:
    order = preview.order
    rows = tuple(
        (
            minutes(step.starts),
            step.resource.name,
            kind(step.resource),
            minutes(step.estimate.minutes),
            step.estimate.source,
        )
        for step in order.critical_path
        if step.estimate.minutes != 0
    )
    nobody = [step for step in order.steps.values() if step.estimate.minutes is None]
    waited = sorted(
        (step for step in nobody if kind(step.resource) in ("Job", "Release")), key=lambda step: kind(step.resource)
    )
    slow = [step.resource.name for step in waited]
    remarks = [
        f"Longest path: {minutes(order.minutes)}, counting only durations that a source gives.",
        f"{count(len(nobody), 'resource')} of {len(order.steps)} have none and count as nothing"
        + (f", among them {listed(slow, 4)}." if slow else "."),
    ]
    for wait in order.gpu_waits:
        bound = "" if wait.exact else "at least "
        remarks.append(
            f"GPUs of {wait.resource.name} are paid for {bound}{minutes(wait.minutes)} before every model serves, "
            f"which is {bound}{minutes(wait.serving)} from the start, weights loaded."
        )
    if preview.saving and (preview.saving.minutes or preview.saving.gpu_minutes):
        remarks.append(_saved(preview.saving, preview.plan))
    return Table(
        "Critical path", ("starts", "resource", "kind", "takes", "source of the estimate"), rows, tuple(remarks)
    )


def _saved(saving: Saving, plan: Plan) -> str:
    """What parallel work saves, or what waiting with the GPU nodes costs and saves."""
    least = "" if saving.exact else "at least "
    later = saving.minutes < 0
    time = f"{minutes(abs(saving.minutes))} {'later' if later else 'sooner'}"
    worth = money(abs(saving.cost), plan.cost.currency) if saving.cost is not None else "at an unknown price"
    gpus = f"{minutes(abs(saving.gpu_minutes))} {'more' if saving.gpu_minutes < 0 else 'less'} of idle GPUs ({worth})"
    after = "after the weights" if plan.settings.gpu_nodes.after is After.WEIGHTS else "beside everything else"
    return (
        f"GPU nodes {after}, not before: every model serves {least}{time}, with {least}{gpus}; "
        "unknown durations are left out of both."
    )


def _pools(preview: Preview) -> Table:
    plan = preview.plan
    rows = []
    for pool in plan.pools:
        gpu = pool.instance.gpu.name if pool.instance.gpu else "no GPU"
        used = plan.nodes_used(pool)
        rows.append(
            (
                pool.name,
                pool.instance_type,
                f"{pool.nodes} ({used} used, {_spare(pool.nodes, used, plan.nodes_at_most(pool))})",
                pool.zone,
                str(pool.capacity.kind),
                f"{pool.gpus_per_node} {TIMES} {gpu} per node, {pool.gpus} in all",
                f"{pool.efa_per_node} per node",
                f"{pool.pods.free} of {pool.max_pods}",
                str(pool.ips_per_node),
            )
        )
    system = plan.system_pool
    rows.append(
        (
            "system",
            system.instance_type,
            str(system.nodes),
            "every zone",
            "onDemand",
            "none",
            "none",
            f"{system.pods.free} of {system.max_pods}",
            str(system.ips_per_node),
        )
    )
    columns = ("pool", "instance type", "nodes", "zone", "capacity", "GPUs", "EFA", "free pods", "addresses")
    return Table("Node pools", columns, tuple(rows), ("Free pods and addresses are per node.",))


def _zones(preview: Preview) -> Table:
    rows = tuple(
        (zone.zone, zone.node.cidr, f"{zone.needed:,}", f"{zone.available:,}") for zone in preview.plan.network.zones
    )
    return Table("Addresses", ("zone", "node subnet", "needed", "available"), rows)


def _models(preview: Preview) -> Table:
    rows = []
    for model in preview.plan.models:
        for group in model.groups:
            ranks = {"tensor": group.tensor, "pipeline": group.pipeline, "data": group.data, "expert": group.expert}
            layout = f" {TIMES} ".join(f"{name} {size}" for name, size in ranks.items() if size > 1) or "1"
            attention = " (data-parallel attention)" if group.dp_attention else ""
            rows.append(
                (
                    group.name,
                    model.settings.model,
                    group.pool.name,
                    f"{_groups(group)} {TIMES} {count(group.nodes_per_group, 'node')}",
                    f"{group.ranks}: {layout}{attention}",
                    f"{group.gpus} ({group.gpus_per_pod} per pod)",
                    str(group.efa_per_pod),
                    money(preview.plan.cost_of_group(group), preview.plan.cost.currency),
                    routing(model),
                    f"SGLang {model.engine_version}",
                )
            )
    columns = (
        *("model", "checkpoint", "pool", "replicas", "ranks", "GPUs", "EFA/pod", "per hour", "router"),
        "engine",
    )
    remarks = ("Per hour: the share of its nodes; what is spare there is in no row.",)
    return Table("Models", columns, tuple(rows), remarks)


def routing(model: ModelPlan) -> str:
    """How requests reach the groups of a model: `2, cache_aware`; `none` where they go to any of them."""
    if model.router is None:
        return "none"
    return f"{model.router.replicas}, {' / '.join(model.router.policies.values())}"


def _groups(group: GroupPlan) -> str:
    return f"{group.least_replicas} to {group.most_replicas}" if group.scaling else str(group.replicas)


def _spare(nodes: int, used: int, most: int) -> str:
    """`1 spare`, or `up to 4, 1 spare` where models may take more."""
    return f"{nodes - used} spare" if most == used else f"up to {most}, {nodes - most} spare"


def _memory(preview: Preview) -> Table:
    rows = []
    for model in preview.plan.models:
        for group in model.groups:
            fit = group.sizing
            asked = model.settings.context_length or model.facts.context_length
            rows.append(
                (
                    group.name,
                    gib(fit.weights_gib_per_gpu),
                    f"{fit.mem_fraction_static:.3f}",
                    f"{fit.kv_tokens:,} tokens",
                    f"{asked:,} of {fit.max_context:,}" if asked != fit.max_context else f"{asked:,}",
                    str(fit.full_length_requests),
                    gib(fit.headroom_gib),
                    f"{minutes(group.probes.load_minutes)}, {group.probes.startup_minutes} min allowed",
                )
            )
    columns = ("model", "weights/GPU", "static share", "KV cache", "context", "full-length", "headroom", "load")
    remarks = ["Full-length: how many requests of the whole context one replica holds at once."]
    if staged := [model.name for model in preview.plan.models if model.weights.staged]:
        remarks.append(f"Copied to the NVMe of each node before the engine starts: {listed(staged, 8)}.")
    return Table("Memory fit", columns, tuple(rows), tuple(remarks))


def _kept(preview: Preview) -> Table:
    rows = tuple(
        (signal.signal, signal.where, count(signal.days, "day") if signal.days else UNKNOWN, signal.written_by)
        for signal in kept(preview.plan)
    )
    return Table("Metrics, logs and traces", ("signal", "kept in", "for", "written by"), rows)


def _cost(preview: Preview) -> Table:
    cost = preview.plan.cost
    rows = [
        (line.item, str(line.count), money(line.hourly, cost.currency), money(line.monthly, cost.currency), line.note)
        for line in cost.lines
    ]
    rows.append(("known in all", "", money(cost.hourly, cost.currency), money(cost.monthly, cost.currency), ""))
    dated = f"List prices of {cost.as_of}, from `prices`." if cost.as_of else "`prices` has no date."
    missing = ", ".join(f"{line.item} (`prices.{line.key}`)" for line in cost.lines if line.hourly is None)
    unpriced = (f"Left out, since `prices` has none: {missing}.",) if missing else ()
    remarks = (dated, *unpriced, f"Left out, since it is paid for by use: {', '.join(cost.uncounted)}.")
    return Table("Cost", ("item", "count", "per hour", "per month", "note"), tuple(rows), remarks)


def _quotas(preview: Preview) -> Table:
    rows = tuple((quota.name, quota.service, quota.amount, quota.code or UNKNOWN) for quota in preview.plan.quotas)
    commands = tuple(quota.command for quota in preview.plan.quotas)
    remarks = ("What the account has is shown by:", *commands)
    return Table("Service quotas", ("quota", "service", "needed", "code"), rows, remarks)
