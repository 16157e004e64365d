"""Rules over the whole stack file: names, tags and secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, RuleSet

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule("stack.pool-names", source="an instance group, a node group and a label are named after their pool")
def node_pool_names_are_unique(stack: StackSettings) -> Iterator[Finding]:
    """Every node pool has a name of its own."""
    yield from _repeated("nodePools", [pool.name for pool in stack.node_pools])


@rules.rule("stack.model-names", source="a LeaderWorkerSet and its Service are named after their model")
def model_names_are_unique(stack: StackSettings) -> Iterator[Finding]:
    """Every model has a name of its own."""
    yield from _repeated("models", [model.name for model in stack.models])


@rules.rule("stack.names-apart", source="Pulumi: two resources of one type and parent cannot share a logical name")
def models_are_not_called_like_parts_of_the_stack(stack: StackSettings) -> Iterator[Finding]:
    """No model and no pool is called like a part of the stack itself."""
    taken = {
        *("network", "cluster", "system", "system-pool", "addons", "inference", "routers", "weights", "monitoring"),
        "hyperpod",
    }
    for section, names in (
        ("nodePools", [pool.name for pool in stack.node_pools]),
        ("models", [model.name for model in stack.models]),
    ):
        for index, name in enumerate(names):
            if name in taken:
                yield Finding(
                    f"{section}[{index}].name", f"{name} is a part of the stack itself", "choose another name"
                )


@rules.rule("stack.tag-prefix", source="docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html")
def tags_leave_the_prefix_of_aws_alone(stack: StackSettings) -> Iterator[Finding]:
    """No tag's key begins with `aws:`, which AWS keeps for itself."""
    for key in stack.tags:
        if key.lower().startswith("aws:"):
            yield Finding(f"tags.{key}", "AWS keeps keys that begin with aws: for itself", "use another prefix")


@rules.rule("stack.secrets", source="pulumi config: a secret that is not in the stack file has no value")
def secrets_are_there(stack: StackSettings) -> Iterator[Finding]:
    """Every secret that a model names is in the stack file."""
    for index, model in enumerate(stack.models):
        named = {
            "apiKeySecret": model.api_key_secret,
            "router.apiKeySecret": model.router.api_key_secret if model.router else None,
            "weights.tokenSecret": model.weights.token_secret,
        }
        for path, name in named.items():
            if name is not None and name not in stack.secrets:
                fix = f"store it with `pulumi config set --secret sglang-hyperpod:{name}`"
                yield Finding(f"models[{index}].{path}", f"the stack has no secret {name}", fix)


def _repeated(section: str, names: list[str]) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name in names[:index]:
            first = names.index(name)
            yield Finding(f"{section}[{index}].name", f"{name} is also {section}[{first}]", "give it a name of its own")
