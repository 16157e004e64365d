"""Rules of weights that need the stack's file system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.aws.nodes.settings import After
from components.rules import Finding, RuleSet, Severity
from components.serving.lookup import checkpoint_gib
from components.serving.placement import try_sizing
from components.serving.roles import roles
from components.serving.weights.settings import WeightsSource
from infra.rules.serving import Placed, placed

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")

RESERVED_NVME_GB = 200
"""Gigabytes of a node's NVMe that stay free of checkpoints: images (about 40 GB unpacked, two at a rollout), logs and
compiled kernels are there too."""


@rules.rule("weights.file-system", source="weights on a file system need one")
def weights_on_a_file_system_have_one(stack: StackSettings) -> Iterator[Finding]:
    """`source: fsx` needs the stack's file system."""
    for index, model in enumerate(stack.models):
        if model.weights.source is WeightsSource.FSX and stack.file_system is None:
            yield Finding(
                f"models[{index}].weights.source", "the stack has no file system", "add fileSystem, or use source: s3"
            )


@rules.rule("weights.fetched-by-engines", source="each pod reads every file of a checkpoint", severity=Severity.WARNING)
def engines_do_not_fetch_themselves(stack: StackSettings) -> Iterator[Finding]:
    """Without a file system, each node fetches the whole checkpoint while its GPUs are paid for."""
    for index, model in enumerate(stack.models):
        if model.weights.source is WeightsSource.HUGGING_FACE and stack.file_system is None:
            pods = sum(role.settings.groups_at_start * role.settings.nodes_per_group for role in roles(model))
            yield Finding(
                f"models[{index}].weights.source",
                f"each of {pods} pod(s) fetches {model.model} from the hub, on paid GPUs and at each new node",
                "add fileSystem, or use source: s3",
            )


@rules.rule("weights.token-in-engines", source="components/serving/weights/job.py: it alone has the token")
def engines_never_see_the_token(stack: StackSettings) -> Iterator[Finding]:
    """A token needs the weights job, and that needs the file system."""
    for index, model in enumerate(stack.models):
        if model.weights.token_secret and stack.file_system is None:
            yield Finding(
                f"models[{index}].weights.tokenSecret",
                "without a file system the engines would need the token themselves",
                "add fileSystem, or copy the checkpoint to S3 and use source: s3",
            )


@rules.rule("weights.staging-file-system", source="components/serving/weights/stage.py copies from the file system")
def staging_has_something_to_copy_from(stack: StackSettings) -> Iterator[Finding]:
    """Without a file system each node fetches the checkpoint itself."""
    for index, model in enumerate(stack.models):
        if model.weights.staging and stack.file_system is None:
            yield Finding(
                f"models[{index}].weights.staging",
                "the stack has no file system to copy from",
                "add fileSystem, or remove staging",
            )


@rules.rule("weights.staging-room", source="components/facts/instances.py: nvme_gb")
def the_disk_holds_every_staged_checkpoint(stack: StackSettings) -> Iterator[Finding]:
    """A node of a pool may get a group of any of its models, and keeps what was copied."""
    pools: dict[str, list[Placed]] = defaultdict(list)
    for here in placed(stack):
        if here.model.weights.staging:
            pools[here.pool.name].append(here)
    for models in pools.values():
        first = models[0]
        checkpoints = {here.model.model: _checkpoint_gb(here) for here in models}
        needed, room = sum(checkpoints.values()), first.node.nvme_gb - RESERVED_NVME_GB
        if needed > room:
            for at in dict.fromkeys(here.at for here in models):
                yield Finding(
                    f"{at}.weights.staging",
                    f"the staged checkpoints of pool {first.pool.name} have {needed:,.0f} GB, and the NVMe of "
                    f"{first.pool.instance_type} has {first.node.nvme_gb:,} GB, of which {RESERVED_NVME_GB} are "
                    "for images and logs",
                    "remove staging, or use a type with more NVMe",
                )


def _checkpoint_gb(here: Placed) -> float:
    """Size of a model's checkpoint in GB (10^9 bytes), 0 where nobody knows it."""
    sizing = try_sizing(here.model, here.gpu)
    size = here.model.weights.size_gib or (checkpoint_gib(here.model, sizing) if sizing else 0)
    return size * 2**30 / 1e9


@rules.rule("weights.nothing-to-wait-for", source="components/serving/weights/job.py")
def nodes_wait_for_something(stack: StackSettings) -> Iterator[Finding]:
    """GPU nodes that come after the weights wait for jobs that fetch some."""
    if stack.gpu_nodes.after is not After.WEIGHTS:
        return
    if stack.file_system is None or all(model.weights.source is WeightsSource.S3 for model in stack.models):
        yield Finding(
            "gpuNodes.after",
            "no job fetches weights: the stack has no file system, or every model streams from S3",
            "remove gpuNodes, or add fileSystem",
        )
