"""Rules that cross rooms, by theme, and the list of every rule set of the stack. Pure: imports no Pulumi."""

from __future__ import annotations

from components.aws.eks.settings import rules as eks_rules
from components.aws.hyperpod.rules import rules as hyperpod_rules
from components.aws.lustre.rules import rules as lustre_rules
from components.aws.network.settings import rules as network_rules
from components.aws.nodes.rules import rules as node_pool_rules
from components.aws.nodes.rules import system_rules as system_pool_rules
from components.gateway.rules import rules as gateway_rules
from components.monitoring.alerts.rules import rules as alert_rules
from components.monitoring.logs.rules import rules as log_rules
from components.monitoring.managed.rules import rules as managed_rules
from components.monitoring.settings import rules as monitoring_rules
from components.monitoring.traces.rules import rules as trace_rules
from components.platform.efa.settings import rules as efa_rules
from components.platform.gpu_operator.settings import rules as gpu_operator_rules
from components.platform.keda.settings import rules as keda_rules
from components.platform.load_balancer.settings import rules as load_balancer_rules
from components.platform.lws.settings import rules as lws_rules
from components.rules import RuleSet
from components.serving.rules import rules as model_rules
from infra.rules import (
    advice,
    alerts,
    autoscaling,
    budgets,
    disaggregation,
    entry,
    gateway,
    hyperpod,
    lustre,
    network,
    nodes,
    packing,
    platform,
    prices,
    router,
    serving,
    sleeping,
    stack,
    telemetry,
    tuning,
    versions,
    weights,
)

RULE_SETS: tuple[RuleSet, ...] = (
    network_rules,
    eks_rules,
    system_pool_rules,
    hyperpod_rules,
    node_pool_rules,
    lustre_rules,
    efa_rules,
    gpu_operator_rules,
    lws_rules,
    load_balancer_rules,
    keda_rules,
    model_rules,
    gateway_rules,
    monitoring_rules,
    alert_rules,
    log_rules,
    trace_rules,
    managed_rules,
    stack.rules,
    network.rules,
    nodes.rules,
    hyperpod.rules,
    lustre.rules,
    platform.rules,
    serving.rules,
    tuning.rules,
    packing.rules,
    autoscaling.rules,
    sleeping.rules,
    weights.rules,
    disaggregation.rules,
    router.rules,
    entry.rules,
    versions.rules,
    alerts.rules,
    gateway.rules,
    budgets.rules,
    prices.rules,
    telemetry.rules,
    advice.rules,
)
"""Every rule of the stack: first those of one section, in the order of the deployment, then those across sections."""
