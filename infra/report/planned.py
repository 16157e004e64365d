"""The plan as JSON: what the settings come to, in fields that stay."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.report.kept import kept_json
from infra.report.model import Preview
from infra.report.scaling import scaling_json
from infra.report.ways import budgets_of

if TYPE_CHECKING:
    from components.aws.nodes.plan import PoolPlan
    from components.gateway.plan import GatewayPlan
    from components.serving.plan import GroupPlan, ModelPlan
    from components.serving.router.plan import RouterPlan
    from infra.plan import Plan
    from infra.plan.cost import Cost
    from infra.plan.order import GpuWait, Order


def plan_json(preview: Preview) -> dict[str, Any]:
    """Cluster, network, pools, models, cost, quotas and the order of creation."""
    plan = preview.plan
    settings = plan.settings
    return {
        "region": settings.region,
        "cluster": {
            "name": settings.cluster.name,
            "substrate": str(settings.cluster.substrate),
            "kubernetes_version": plan.version.name,
            "standard_support_ends": plan.version.standard_support_ends.isoformat(),
            "extended_support_ends": plan.version.extended_support_ends.isoformat(),
            "support_policy": str(settings.cluster.support_policy),
        },
        "network": _network(plan),
        "system_pool": {
            "instance_type": plan.system_pool.instance_type,
            "nodes": plan.system_pool.nodes,
            "max_pods_per_node": plan.system_pool.max_pods,
            "addresses_per_node": plan.system_pool.ips_per_node,
        },
        "node_pools": [_pool(plan, pool) for pool in plan.pools],
        "file_system": _file_system(plan),
        "models": [_model(plan, model) for model in plan.models],
        "gateway": _gateway(plan.gateway) if plan.gateway else None,
        "telemetry": kept_json(plan),
        "cost": _cost(plan.cost),
        "quotas": [asdict(quota) | {"command": quota.command} for quota in plan.quotas],
        "order": {**_order(preview.order), "saving": asdict(preview.saving) if preview.saving else None},
    }


def _network(plan: Plan) -> dict[str, Any]:
    return {
        "vpc_id": plan.network.vpc_id,
        "cidr": plan.network.vpc_cidr,
        "nat_gateways": plan.network.nat_gateways,
        "zones": [
            {
                "zone": zone.zone,
                "node_subnet": zone.node.cidr,
                "addresses_needed": zone.needed,
                "addresses_available": zone.available,
            }
            for zone in plan.network.zones
        ],
    }


def _pool(plan: Plan, pool: PoolPlan) -> dict[str, Any]:
    used = plan.nodes_used(pool)
    return {
        "name": pool.name,
        "instance_type": pool.instance_type,
        "zone": pool.zone,
        "capacity": str(pool.capacity.kind),
        "nodes": pool.nodes,
        "nodes_used": used,
        "nodes_used_at_most": plan.nodes_at_most(pool),
        "nodes_spare": pool.nodes - used,
        "gpu": pool.instance.gpu.name if pool.instance.gpu else None,
        "gpus_per_node": pool.gpus_per_node,
        "gpus": pool.gpus,
        "efa_per_node": pool.efa_per_node,
        "max_pods_per_node": pool.max_pods,
        "free_pods_per_node": pool.pods.free,
        "addresses_per_node": pool.ips_per_node,
    }


def _file_system(plan: Plan) -> dict[str, Any] | None:
    system = plan.file_system
    if system is None:
        return None
    return {
        "zone": system.zone,
        "capacity_gib": system.capacity_gib,
        "throughput_mb_per_s": system.throughput_mb_per_s,
        "efa": system.efa,
        "existing": system.existing,
    }


def _model(plan: Plan, model: ModelPlan) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.settings.model,
        "engine_version": model.engine_version,
        "image": model.image.reference,
        "mode": model.mode,
        "endpoint": model.endpoint,
        "public_endpoint": model.public_endpoint,
        "entry": _entry(model),
        "nodes": model.nodes,
        "gpus": model.gpus,
        "weights": {
            "source": str(model.weights.source),
            "gib": model.weights.size_gib,
            "staged": model.weights.staged,
            "engine_path": model.weights.engine_path,
        },
        "groups": [_group(plan, group) for group in model.groups],
        "router": _router(model.router) if model.router else None,
        "store": model.store.name if model.store else None,
    }


def _entry(model: ModelPlan) -> dict[str, Any] | None:
    entry = model.settings.entry
    if entry is None:
        return None
    return {
        "host": entry.host,
        "path": entry.path,
        "scheme": entry.scheme,
        "tls": entry.certificate_arn is not None,
        "traffic": model.traffic or {model.name: 100},
    }


def _router(router: RouterPlan) -> dict[str, Any]:
    return {
        "name": router.name,
        "image": router.image.reference,
        "replicas": router.replicas,
        "policy": router.settings.policy,
        "policies": router.policies,
        "api_key": router.api_key,
        "command": [*router.command, *router.arguments],
    }


def _gateway(gateway: GatewayPlan) -> dict[str, Any]:
    return {
        "image": gateway.image.reference,
        "replicas": gateway.settings.replicas,
        "endpoint": gateway.endpoint,
        "public_endpoint": gateway.public_endpoint,
        "keys": [key.name for key in gateway.settings.keys],
        "budgets": [
            {"key": None if owner == "all" else owner, "name": name, **budget.model_dump()}
            for owner, name, budget in budgets_of(gateway)
        ],
        "routes": [
            {
                "name": route.name,
                "to": {target.model: target.weight for target in route.targets},
                "by_complexity": route.by_complexity.model_dump() if route.by_complexity else None,
                "fallbacks": list(route.fallbacks),
            }
            for route in gateway.routes
        ],
    }


def _group(plan: Plan, group: GroupPlan) -> dict[str, Any]:
    return {
        "name": group.name,
        "role": group.role,
        "node_pool": group.pool.name,
        "replicas": group.replicas,
        "scaling": scaling_json(group.scaling),
        "nodes_per_group": group.nodes_per_group,
        "pods_per_node": group.pods_per_node,
        "nodes": group.nodes,
        "gpus": group.gpus,
        "hourly": plan.cost_of_group(group),
        "ranks": group.ranks,
        "tensor": group.tensor,
        "pipeline": group.pipeline,
        "data": group.data,
        "dp_attention": group.dp_attention,
        "expert": group.expert,
        "gpus_per_pod": group.gpus_per_pod,
        "efa_per_pod": group.efa_per_pod,
        "transport": group.transfer.transport.name if group.transfer else None,
        "privileged": group.privileged,
        "memory": asdict(group.sizing),
        "startup_minutes_allowed": group.probes.startup_minutes,
        "load_minutes": group.probes.load_minutes,
        "command": [*group.command, *group.arguments],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    lines = [{**asdict(line), "monthly": line.monthly} for line in cost.lines]
    return {
        "currency": cost.currency,
        "as_of": cost.as_of.isoformat() if cost.as_of else None,
        "hourly": cost.hourly,
        "monthly": cost.monthly,
        "unknown": list(cost.unknown),
        "uncounted": list(cost.uncounted),
        "lines": lines,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "minutes": order.minutes,
        "minutes_leave_out": [step.resource.urn for step in order.unknown],
        "critical_path": [step.resource.urn for step in order.critical_path],
        "gpus_before_serving": [_wait(wait) for wait in order.gpu_waits],
    }


def _wait(wait: GpuWait) -> dict[str, Any]:
    return {
        "urn": wait.resource.urn,
        "instance_types": list(wait.instances),
        "minutes": wait.minutes,
        "lower_bound": not wait.exact,
    }
