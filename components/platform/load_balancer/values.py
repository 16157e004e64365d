"""Values of the chart `aws-load-balancer-controller`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.platform.load_balancer.settings import LoadBalancerSettings

SERVICE_ACCOUNT = "aws-load-balancer-controller"
INGRESS_CLASS = "alb"


def values(
    controller: LoadBalancerSettings,
    *,
    cluster_name: str,
    region: str,
    vpc_id: Any,
    node_selector: Mapping[str, str],
    metrics: bool,
) -> dict[str, Any]:
    """The chart's values. `vpc_id` may be known only after creation; `metrics`: the ServiceMonitor kind is there."""
    return {
        "clusterName": cluster_name,
        # Pods cannot ask the instance metadata service where its hop limit is 1.
        "region": region,
        "vpcId": vpc_id,
        "replicaCount": controller.replicas,
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT},
        # HyperPod nodes are not instances of this account, so only addresses can be targets.
        "defaultTargetType": "ip",
        "ingressClass": INGRESS_CLASS,
        "createIngressClassResource": True,
        # Its webhook fails closed for every Service of the cluster while the controller is not ready.
        "enableServiceMutatorWebhook": False,
        # The chart would draw a new certificate authority at each upgrade, and the webhooks fail until all agree.
        "keepTLSSecret": True,
        "clusterSecretsPermissions": {"allowAllSecrets": False},
        "enableShield": controller.firewall,
        # WAF Classic is no more.
        "enableWaf": False,
        "enableWafv2": controller.firewall,
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {
            "requests": {"cpu": controller.cpu_request, "memory": controller.memory_request},
            "limits": {"memory": controller.memory_limit},
        },
        "podDisruptionBudget": {"maxUnavailable": 1},
        "nodeSelector": dict(node_selector),
        "serviceMonitor": {"enabled": metrics},
    }
