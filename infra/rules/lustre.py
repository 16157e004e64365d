"""Rules between the file system and the nodes and models that read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.aws.hyperpod.settings import LifecycleMode
from components.aws.lustre.plan import throughput_mb_per_s
from components.facts.instances import find_instance
from components.facts.models import find_model
from components.rules import Finding, RuleSet, Severity, join
from components.serving.lookup import checkpoint_gib, size_model
from components.serving.pods.probes import startup_minutes
from components.serving.weights.plan import load_minutes
from components.serving.weights.settings import WeightsSource
from infra.rules.serving import located

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from infra.settings.stack import StackSettings

rules = RuleSet("")

PATIENCE_MINUTES: Final = 30
"""From here on, nodes that all load at once cost more than a faster file system."""


@rules.rule(
    "lustre.zone", source="awslabs/awsome-distributed-ai hyperpod-eks-tf/modules/fsx_lustre", severity=Severity.WARNING
)
def file_system_is_near_its_readers(settings: StackSettings) -> Iterator[Finding]:
    """Reading from another zone is slow, and charged for."""
    fs = settings.file_system
    if fs is None:
        return
    readers = {role.node_pool for _, role in located(settings) if reads_file_system(role.settings)}
    for pool in settings.node_pools:
        if pool.name in readers and pool.zone != fs.zone:
            yield Finding(
                "fileSystem.zone",
                f"the file system is in {fs.zone}, and pool {pool.name} reads it from {pool.zone}",
                f"put both into {pool.zone}",
            )


@rules.rule("lustre.efa-nodes", source="pulumi-aws fsx.LustreFileSystem: efaEnabled", severity=Severity.WARNING)
def efa_has_somebody_to_talk_to(settings: StackSettings) -> Iterator[Finding]:
    """EFA freezes the file system's throughput: for nodes without EFA that is for nothing."""
    fs = settings.file_system
    kinds = [find_instance(pool.instance_type) for pool in settings.node_pools]
    if fs and fs.efa and not any(kind and kind.efa_interfaces for kind in kinds):
        yield Finding("fileSystem.efa", "no node pool has EFA, so every node mounts over TCP", "set efa: false")


@rules.rule(
    "lustre.efa-client", source="awslabs/awsome-distributed-ai base-config/on_create_main.sh", severity=Severity.WARNING
)
def efa_client_is_set_up(settings: StackSettings) -> Iterator[Finding]:
    """Without the EFA client set-up, which the lifecycle script does, a mount falls back to TCP."""
    fs = settings.file_system
    if fs is None or not fs.efa:
        return
    lifecycle = settings.hyperpod.lifecycle
    if settings.cluster.substrate != "hyperpod":
        yield Finding(
            "fileSystem.efa",
            "nodes of managed node groups have no Lustre client for EFA and mount over TCP",
            "set efa: false, or use substrate hyperpod",
        )
    elif lifecycle.mode is LifecycleMode.BOOTSTRAP or not lifecycle.efa_lustre_client:
        yield Finding(
            "fileSystem.efa",
            "the lifecycle script does not set up the Lustre client for EFA, so nodes mount over TCP",
            "set hyperpod.lifecycle.efaLustreClient: true and a mode other than Bootstrap",
        )


@rules.rule("lustre.startup", source="cold_start_minutes: nodes x weights / throughput")
def weights_load_within_the_startup_probe(settings: StackSettings) -> Iterator[Finding]:
    """All nodes load at once after an outage; the startup probe must wait that long."""
    minutes = cold_start_minutes(settings)
    if minutes is None:
        return
    for at, role in located(settings):
        patience = startup_minutes(role.settings.probes, _checkpoint_gib(settings, role.settings))
        if reads_file_system(role.settings) and patience < minutes:
            yield Finding(
                join(at, role.path("probes.startupMinutes")),
                f"loading takes about {minutes:.0f} minutes when all nodes start together, the probe gives up after "
                f"{patience}",
                f"at least {2 * minutes:.0f}, or a faster file system",
            )


@rules.rule("lustre.load-time", source="cold_start_minutes: nodes x weights / throughput", severity=Severity.WARNING)
def weights_load_soon(settings: StackSettings) -> Iterator[Finding]:
    """While weights load, GPUs are paid for and serve nothing."""
    fs, minutes = settings.file_system, cold_start_minutes(settings)
    if fs and minutes is not None and minutes > PATIENCE_MINUTES:
        yield Finding(
            "fileSystem.throughputPerTiB",
            f"all nodes together read their weights in about {minutes:.0f} minutes at "
            f"{throughput_mb_per_s(fs):.0f} MB/s",
            f"more throughput or size: {throughput_mb_per_s(fs) * minutes / PATIENCE_MINUTES:.0f} MB/s would take "
            f"{PATIENCE_MINUTES}",
        )


def cold_start_minutes(settings: StackSettings) -> float | None:
    """Minutes until every node has read its weights when all start at once; None where nothing is read or known."""
    fs = settings.file_system
    if fs is None or (throughput := throughput_mb_per_s(fs)) <= 0:
        return None
    total = sum(_gib_read(settings, role.settings) for _, role in located(settings) if reads_file_system(role.settings))
    return load_minutes(total, 1, throughput) if total else None


def reads_file_system(model: ModelSettings) -> bool:
    """Whether a model's nodes load from the file system: all but those that stream from S3."""
    return model.weights.source is not WeightsSource.S3


def _gib_read(settings: StackSettings, model: ModelSettings) -> float:
    return _checkpoint_gib(settings, model) * model.nodes_per_group * model.groups_at_start


def _checkpoint_gib(settings: StackSettings, model: ModelSettings) -> float:
    if model.weights.size_gib:
        return model.weights.size_gib
    pool = next((pool for pool in settings.node_pools if pool.name == model.node_pool), None)
    kind = find_instance(pool.instance_type) if pool else None
    facts = find_model(model.model)
    if facts is None or kind is None or kind.gpu is None:
        return 0
    try:
        return checkpoint_gib(model, size_model(model, facts, kind.gpu))
    except ValueError:  # a layout that cannot be sized is named by the rules of `models`
        return 0
