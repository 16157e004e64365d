"""Rules that cross rooms, by theme, and the list of every rule set of the stack. Pure: imports no Pulumi."""

from __future__ import annotations

from components.aws.eks import settings as eks
from components.aws.hyperpod import rules as hyperpod
from components.aws.lustre import rules as lustre
from components.aws.network import settings as network
from components.aws.nodes import rules as nodes
from components.monitoring import settings as monitoring
from components.platform.efa import settings as efa
from components.platform.gpu_operator import settings as gpu_operator
from components.platform.keda import settings as keda
from components.platform.load_balancer import settings as load_balancer
from components.platform.lws import settings as lws
from components.rules import RuleSet
from components.serving import settings as serving
from infra.rules import advice
from infra.rules import hyperpod as across_hyperpod
from infra.rules import lustre as across_lustre
from infra.rules import network as across_network
from infra.rules import nodes as across_nodes
from infra.rules import platform as across_platform
from infra.rules import serving as across_serving
from infra.rules import stack as across_stack
from infra.rules import weights as across_weights

RULE_SETS: tuple[RuleSet, ...] = (
    network.rules,
    eks.rules,
    nodes.system_rules,
    hyperpod.rules,
    nodes.rules,
    lustre.rules,
    efa.rules,
    gpu_operator.rules,
    lws.rules,
    load_balancer.rules,
    keda.rules,
    serving.rules,
    monitoring.rules,
    across_stack.rules,
    across_network.rules,
    across_nodes.rules,
    across_hyperpod.rules,
    across_lustre.rules,
    across_platform.rules,
    across_serving.rules,
    across_weights.rules,
    advice.rules,
)
"""Every rule of the stack: first those of one section, in the order of the deployment, then those across sections."""
