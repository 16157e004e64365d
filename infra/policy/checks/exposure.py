"""Nothing is open to the whole internet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from components.rules import Finding
from infra.policy.check import CheckSet, Level
from infra.policy.resource import Resource
from infra.policy.values import at, items, known, mapping, text

exposure = CheckSet()

EKS: Final = "aws:eks/cluster:Cluster"
EKS_COMPONENT: Final = "eks:index:Cluster"

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
_OLD_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_ALB: Final = "alb.ingress.kubernetes.io/"
_SERVICE: Final = "kubernetes:core/v1:Service"
_ENTRIES: Final = ("kubernetes:networking.k8s.io/v1:Ingress", _SERVICE)
_CONTROLLER: Final = "kubernetes-sigs/aws-load-balancer-controller v3.5.0: inbound-cidrs, loadBalancerSourceRanges"


def everywhere(cidr: Any) -> bool:
    """Whether a network is the whole internet: `0.0.0.0/0`, `::/0`."""
    return (text(cidr) or "").endswith("/0")


@exposure.check("exposure.endpoint", EKS, EKS_COMPONENT, source="rules eks.public-everywhere, eks.private-only")
def a_public_endpoint_has_its_networks(resource: Resource) -> Iterator[Finding]:
    """A public Kubernetes API names the networks that may reach it; AWS' default is a public one for everybody."""
    prefix = "vpcConfig." if resource.type == EKS else ""
    public, cidrs = (
        at(resource.props, f"{prefix}endpointPublicAccess"),
        at(resource.props, f"{prefix}publicAccessCidrs"),
    )
    if not known(public) or not known(cidrs) or public is False:
        return
    if not items(cidrs):
        yield Finding(
            f"{prefix}endpointPublicAccess",
            "the Kubernetes API is public and no network is named",
            "set it to false, or set publicAccessCidrs",
        )
    for cidr in filter(everywhere, items(cidrs)):
        yield Finding(
            f"{prefix}publicAccessCidrs", f"{cidr} is the whole internet", "name networks, e.g. 203.0.113.7/32"
        )


@exposure.check(
    "exposure.ingress",
    _GROUP,
    _DEFAULT_GROUP,
    _OLD_RULE,
    _INGRESS_RULE,
    source="CIS AWS Foundations Benchmark 5.2, 5.3",
)
def security_groups_let_in_known_networks(resource: Resource) -> Iterator[Finding]:
    """No security group lets the whole internet in."""
    for path, cidr in _sources(resource):
        if everywhere(cidr):
            yield Finding(path, f"{cidr} is the whole internet", "name the networks or a security group")


def _sources(resource: Resource) -> Iterator[tuple[str, Any]]:
    props = resource.props
    if resource.type == _INGRESS_RULE:
        yield from ((key, props.get(key)) for key in ("cidrIpv4", "cidrIpv6"))
        return
    if resource.type == _OLD_RULE:
        rules = [("", props)] if props.get("type") == "ingress" else []
    else:
        rules = [(f"ingress[{index}].", rule) for index, rule in enumerate(items(props.get("ingress")))]
    for path, rule in rules:
        for key in ("cidrBlocks", "ipv6CidrBlocks"):
            yield from ((f"{path}{key}", cidr) for cidr in items(at(rule, key)))


@exposure.check("exposure.load-balancer", *_ENTRIES, source=_CONTROLLER, rule="entry.public-cidrs")
def load_balancers_name_their_clients(resource: Resource) -> Iterator[Finding]:
    """A load balancer on the internet names the networks that may reach it; the controller's default is everybody."""
    path, named = _clients(resource)
    if named is not None and not named:
        yield Finding(path, "the whole internet reaches the load balancer", "name the networks of your clients")


@exposure.check("exposure.everybody", *_ENTRIES, source=_CONTROLLER, level=Level.ADVISORY, rule="entry.everybody")
def load_balancers_are_not_for_everybody(resource: Resource) -> Iterator[Finding]:
    """A load balancer that is to be reached from the whole internet is told."""
    path, named = _clients(resource)
    for cidr in filter(everywhere, named or ()):
        yield Finding(path, f"{cidr} is the whole internet", "name the networks of your clients")


def _clients(resource: Resource) -> tuple[str, list[Any] | None]:
    """The networks that a load balancer on the internet lets in, with their path; None for any other resource."""
    if resource.type == _SERVICE:
        path, ranges = "spec.loadBalancerSourceRanges", at(resource.props, "spec.loadBalancerSourceRanges")
        public = at(resource.props, "spec.type") == "LoadBalancer"
    else:
        annotations = mapping(at(resource.props, "metadata.annotations"))
        path, ranges = f"metadata.annotations[{_ALB}inbound-cidrs]", annotations.get(f"{_ALB}inbound-cidrs")
        public = annotations.get(f"{_ALB}scheme") == "internet-facing"
    if not public or not known(ranges):
        return path, None
    return path, [cidr.strip() for cidr in ranges.split(",")] if isinstance(ranges, str) else [*items(ranges)]


@exposure.check("exposure.bucket", _BLOCK, source="docs.aws.amazon.com/AmazonS3/latest/userguide")
def buckets_are_not_public(resource: Resource) -> Iterator[Finding]:
    """A public access block blocks all four ways."""
    for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        value = resource.props.get(key)
        if known(value) and value is not True:
            yield Finding(key, "not true: the bucket can become public", "set it to true")


@exposure.check(
    "exposure.metadata",
    "aws:ec2/launchTemplate:LaunchTemplate",
    source="docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html: IMDSv2, hop limit 1",
)
def pods_cannot_take_their_nodes_role(resource: Resource) -> Iterator[Finding]:
    """The metadata service wants a token and answers no pod, or every pod has its node's role."""
    if not known(resource.props.get("metadataOptions")):
        return
    tokens = at(resource.props, "metadataOptions.httpTokens")
    hops = at(resource.props, "metadataOptions.httpPutResponseHopLimit")
    if known(tokens) and tokens != "required":
        yield Finding("metadataOptions.httpTokens", f"{tokens or 'optional'}: IMDSv1 answers", "set it to required")
    if known(hops) and hops not in (1, "1"):
        yield Finding("metadataOptions.httpPutResponseHopLimit", f"{hops or 'unset'}: pods are answered", "set it to 1")
