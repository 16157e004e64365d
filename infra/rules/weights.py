"""Rules of weights that need the stack's file system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet, Severity
from components.serving.roles import roles
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


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
