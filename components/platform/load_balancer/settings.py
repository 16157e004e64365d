"""Settings of the AWS Load Balancer Controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.facts import pins
from components.platform.versions import ChartVersion, release_of
from components.rules import Finding, RuleSet, Severity
from components.settings import Quantity, Settings

rules = RuleSet("platform.loadBalancer")


class LoadBalancerSettings(Settings):
    """The controller behind `ingressClassName: alb`."""

    enabled: bool = True
    """Install the controller. Off only where no model has an Ingress, or where something else owns it."""
    chart_version: ChartVersion = pins.LOAD_BALANCER_CONTROLLER.version
    """Version of the Helm chart in `aws.github.io/eks-charts`; the controller's image has the same number."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 2
    """Controller pods; one leads. Load balancers go on serving without it, but targets are no longer updated."""
    firewall: bool = True
    """Let the controller ask WAF and Shield about each load balancer. Off in a network without a way to the internet,
    where those calls never end and no Ingress is ever finished."""
    cpu_request: Quantity = "50m"
    """CPU that each controller pod asks for."""
    memory_request: Quantity = "256Mi"
    """Memory that each controller pod asks for."""
    memory_limit: Quantity = "1Gi"
    """Memory limit of each controller pod: it lists every pod of the cluster at its start, and 128Mi is not enough."""


@rules.rule(
    "load-balancer.policy-version",
    source="kubernetes-sigs/aws-load-balancer-controller docs/install/iam_policy.json goes with one release",
    severity=Severity.WARNING,
)
def policy_fits_the_controller(controller: LoadBalancerSettings) -> Iterator[Finding]:
    """The load balancer controller is the release whose IAM policy is carried here."""
    wanted = pins.LOAD_BALANCER_CONTROLLER.version
    if controller.enabled and release_of(controller.chart_version) != release_of(wanted):
        yield Finding(
            "chartVersion",
            f"controller {controller.chart_version} would run with the IAM policy of {wanted} and may lack an action",
            f"use {wanted}",
        )


@rules.rule(
    "load-balancer.single-replica",
    source="kubernetes-sigs/aws-load-balancer-controller: the Ingress webhook has failurePolicy Fail",
    severity=Severity.WARNING,
)
def targets_are_updated_without_a_node(controller: LoadBalancerSettings) -> Iterator[Finding]:
    """The load balancer controller has two pods, so that a lost node does not freeze the targets."""
    if controller.enabled and controller.replicas == 1:
        yield Finding(
            "replicas",
            "while the only controller is being rescheduled a replaced engine does not become a target",
            "set replicas: 2",
        )
