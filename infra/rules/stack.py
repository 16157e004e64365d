"""Rules over the whole stack file: names, tags and secrets."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from components.aws.network.zones import zone_prefix
from components.facts.regions import hyperpod_regions
from components.rules import Finding, RuleSet
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")

_ROLE_NAME: Final = 64 - len("-1234567")
"""Characters of a role's logical name: IAM takes 64, and Pulumi ends a name of its own in a dash and seven digits."""


@rules.rule("stack.partition", source="docs.amazonaws.cn/en_us/aws/latest/userguide: endpoints and ARNs in China")
def the_region_is_not_in_china(stack: StackSettings) -> Iterator[Finding]:
    """In China services have other principals and endpoints, and registries and model hubs other addresses."""
    if stack.region.startswith("cn-"):
        message = f"{stack.region} is in the partition aws-cn, whose principals and endpoints the stack does not know"
        yield Finding("region", message, "use a region outside China, e.g. ap-northeast-1")


@rules.rule("stack.region", source="docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html: area, direction")
def the_region_is_a_region(stack: StackSettings) -> Iterator[Finding]:
    """The region's name is built like a region's, so that a slip in it does not wait for AWS to be found."""
    if zone_prefix(stack.region) is None:
        close = get_close_matches(stack.region, hyperpod_regions()) or ["us-east-1"]
        yield Finding("region", f"{stack.region} is no AWS region", f"use one such as {' or '.join(close)}")


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
        *("hyperpod", "gateway"),
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


@rules.rule("stack.role-names", source="docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 64")
def names_leave_room_for_roles(stack: StackSettings) -> Iterator[Finding]:
    """A name of which an IAM role's name is made is not longer than that allows."""
    pools = [] if stack.cluster.substrate == "hyperpod" else [pool.name for pool in stack.node_pools]
    models = [model.name if model.weights.source is WeightsSource.S3 else "" for model in stack.models]
    for section, names, suffix in (("nodePools", pools, "-role"), ("models", models, "-identity-role")):
        longest = _ROLE_NAME - len(suffix)
        for index, name in enumerate(names):
            if len(name) > longest:
                message = f"{name} has {len(name)} characters, and its IAM role's name would have more than 64"
                yield Finding(f"{section}[{index}].name", message, f"use {longest} characters at most")


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
