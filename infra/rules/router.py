"""Rules of routers that need another section."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

from components.aws.nodes.plan import SYSTEM_PODS, plan_system_pool
from components.facts.instances import find_instance
from components.rules import Finding, RuleSet, Severity
from components.serving.mooncake.plan import has_store
from components.serving.names import PREFILL
from components.serving.placement import try_sizing
from components.serving.router.plan import resolve_router_image
from components.words import count
from infra.rules.serving import placed

if TYPE_CHECKING:
    from infra.settings.stack import StackSettings

rules = RuleSet("")


@rules.rule("router.system-pods", source="components/aws/nodes/plan.py: pods of a node and of the system")
def routers_fit_the_system_pool(stack: StackSettings) -> Iterator[Finding]:
    """Routers run beside the operators on the system pool, one more of each while it is updated."""
    routers = [(index, model.router) for index, model in enumerate(stack.models) if model.router]
    pool = stack.system_pool
    if not routers or find_instance(pool.instance_type) is None:
        return
    free = plan_system_pool(pool).pods.free * pool.nodes - sum(SYSTEM_PODS.values())
    needed = sum(router.replicas + 1 for _, router in routers) + sum(has_store(model) for model in stack.models)
    # Without any router the system pool has its own rule.
    if 0 <= free < needed:
        for index, _ in routers:
            yield Finding(
                f"models[{index}].router.replicas",
                f"{pool.nodes} x {pool.instance_type} have room for {count(free, 'more pod')}, "
                f"all routers{' and stores' if any(map(has_store, stack.models)) else ''} need {needed}",
                "use a larger systemPool.instanceType, or more systemPool.nodes",
            )


@rules.rule("router.unbounded", source="sglang-router 0.3.2 --max-concurrent-requests", severity=Severity.ADVICE)
def overload_is_answered(stack: StackSettings) -> Iterator[Finding]:
    """Without a limit requests pile up in the engines' queues until clients give up."""
    for here in placed(stack):
        router = here.model.router
        # Every request takes a place in both phases, and keeps that in decode longest.
        if router is None or router.limits.max_concurrent_requests is not None or here.role.name == PREFILL:
            continue
        sizing = try_sizing(here.model, here.gpu)
        if sizing is None or not sizing.fits:
            continue
        # Each router sees its share of the requests; as many again may wait in the engines.
        share = ceil(2 * sizing.max_running_requests * here.model.replicas / router.replicas)
        yield Finding(
            here.path("router.limits.maxConcurrentRequests"),
            f"no limit, while the groups run {sizing.max_running_requests * here.model.replicas} requests at once",
            f"set {share}, what {count(router.replicas, 'router passes', 'routers pass')} on before half of it waits",
        )


@rules.rule("router.image-digest", source="a tag can be pushed again", severity=Severity.ADVICE)
def the_routers_of_production_have_a_digest(stack: StackSettings) -> Iterator[Finding]:
    """A tag can be pushed again; a digest is one image."""
    for index, model in enumerate(stack.models if stack.protect else ()):
        image = resolve_router_image(model.router.image) if model.router else None
        if image and not image.digest:
            yield Finding(
                f"models[{index}].router.image.digest",
                f"{image.reference} has no digest",
                "run sglang-hyperpod pin where there is a network",
            )
