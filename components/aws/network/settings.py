"""The network's settings and the rules that they alone can break."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from components.aws.network.addresses import (
    LARGEST_BLOCK,
    LOAD_BALANCER_PREFIX,
    block,
    smallest_block,
)
from components.aws.network.models import (
    CLOSED,
    NODE_ENDPOINTS,
    ExistingVpc,
    FlowLogs,
    Nat,
    NetworkSettings,
    SubnetReference,
)
from components.rules import Finding, RuleSet, Severity

__all__ = ["CLOSED", "ExistingVpc", "FlowLogs", "Nat", "NetworkSettings", "SubnetReference", "rules"]

rules = RuleSet("network")

SIZING = "docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
DOCKER = IPv4Network("172.17.0.0/16")


_TWO_ZONES = "name two, e.g. [use1-az4, use1-az6]"


@rules.rule("network.two-zones", source="docs.aws.amazon.com/eks/latest/userguide/network-reqs.html")
def the_control_plane_wants_two_zones(network: NetworkSettings) -> Iterator[Finding]:
    """EKS wants subnets in at least two zones."""
    if len(set(network.zones)) < 2:
        named = f"names only {network.zones[0]}" if network.zones else "names none"
        known = sorted(network.existing.node_subnets) if network.existing else []
        fix = f"set zones: [{', '.join(known)}], those of existing.nodeSubnets" if len(known) > 1 else _TWO_ZONES
        yield Finding("zones", f"EKS wants subnets in two zones, the list {named}", fix)


@rules.rule("network.zone-once", source="a subnet is made for each element")
def each_zone_is_named_once(network: NetworkSettings) -> Iterator[Finding]:
    """No zone is listed twice."""
    for index, zone in enumerate(network.zones):
        if zone in network.zones[:index]:
            yield Finding(f"zones[{index}]", f"{zone} is listed twice", "name each zone once")


@rules.rule("network.zones-fit", source="the block is divided by maxZones alone, so that subnets never move")
def zones_fit_into_the_division(network: NetworkSettings) -> Iterator[Finding]:
    """A new VPC has no more zones than its block was divided for."""
    if not network.existing and len(network.zones) > network.max_zones:
        yield Finding(
            "zones",
            f"{len(network.zones)} zones are listed, the block is divided for {network.max_zones}",
            "set maxZones: 7 before the first deployment (later it replaces every subnet), or use fewer zones",
        )


@rules.rule("network.cidr", source="RFC 4632")
def blocks_are_networks(network: NetworkSettings) -> Iterator[Finding]:
    """Every CIDR is a network: octets up to 255, no bit set beyond the prefix."""
    for path, cidr in _cidrs(network):
        if block(cidr) is None:
            yield Finding(path, f"{cidr} is no network", _mended(cidr))


@rules.rule("network.cidr-size", source=SIZING)
def the_block_has_a_size_that_works(network: NetworkSettings) -> Iterator[Finding]:
    """A new VPC's block is a /16 at most, and large enough that its load balancer subnets are a /27 at least."""
    whole = block(network.cidr)
    longest = smallest_block(network.max_zones)
    if network.existing or whole is None or LARGEST_BLOCK <= whole.prefixlen <= longest:
        return
    if whole.prefixlen < LARGEST_BLOCK:
        message = f"AWS takes no VPC block larger than /{LARGEST_BLOCK}"
    else:
        message = f"divided for {network.max_zones} zones, {whole} leaves load balancers less than a /27"
    yield Finding("cidr", message, f"use a block between /{LARGEST_BLOCK} and /{longest}")


@rules.rule("network.cidr-private", source=SIZING, severity=Severity.WARNING)
def the_block_is_private(network: NetworkSettings) -> Iterator[Finding]:
    """A new VPC's block is private, and not the one that Docker and SageMaker use on their hosts."""
    whole = block(network.cidr)
    if network.existing or whole is None:
        return
    if not any(whole.subnet_of(private) for private in PRIVATE):
        yield Finding(
            "cidr", f"{whole} is not private: what has these addresses on the internet is lost", "use one in 10.0.0.0/8"
        )
    if whole.overlaps(DOCKER):
        yield Finding("cidr", f"{whole} overlaps {DOCKER}, which Docker and SageMaker use on hosts", "use 10.0.0.0/16")


@rules.rule("network.closed-endpoints", source="awslabs/awsome-distributed-ai hyperpod-eks-tf/modules/vpc_endpoints")
def a_closed_network_has_endpoints(network: NetworkSettings) -> Iterator[Finding]:
    """Without NAT, nodes reach AWS through interface endpoints."""
    missing = [service for service in NODE_ENDPOINTS if service not in network.endpoint_services]
    if network.nat == Nat.NONE and not network.existing and missing:
        yield Finding(
            "interfaceEndpoints",
            f"nat is none, and without endpoints for {', '.join(missing)} no node joins the cluster",
            "set interfaceEndpoints: closed, or nat: single",
        )


@rules.rule(
    "network.closed-images",
    source="the charts' images come from registry.k8s.io, quay.io, nvcr.io and ghcr.io",
    severity=Severity.WARNING,
)
def a_closed_network_reaches_no_public_registry(network: NetworkSettings) -> Iterator[Finding]:
    """Without NAT, images come from ECR alone."""
    if network.nat == Nat.NONE and not network.existing:
        yield Finding(
            "nat",
            "nodes reach no public registry, from which operators and engines take their images",
            "mirror every image into ECR (pull-through cache), or set nat: single",
        )


@rules.rule("network.existing-subnets", source="nodes and the control plane want a subnet in each zone")
def an_existing_vpc_has_subnets_in_every_zone(network: NetworkSettings) -> Iterator[Finding]:
    """An existing VPC gives a node subnet and a control-plane subnet for every zone used."""
    if not network.existing:
        return
    given = {
        "nodeSubnets": network.existing.node_subnets,
        "controlPlaneSubnets": network.existing.control_plane_subnets,
    }
    for key, subnets in given.items():
        for zone in network.zones:
            if zone not in subnets:
                yield Finding(f"existing.{key}", f"there is no subnet in {zone}", f"add {zone}: {{id, cidr}}")


@rules.rule("network.existing-load-balancers", source='Elastic Load Balancing guide, "Subnets for your load balancer"')
def load_balancers_have_room(network: NetworkSettings) -> Iterator[Finding]:
    """Subnets of load balancers are a /27 at least."""
    if not network.existing:
        return
    for path, subnet in _references(network.existing):
        known = block(subnet.cidr)
        if not path.startswith("existing.nodeSubnets") and known and known.prefixlen > LOAD_BALANCER_PREFIX:
            yield Finding(f"{path}.cidr", f"{known} is too small for a load balancer", "give a /27 or larger")


@rules.rule("network.existing-overlap", source="subnets of one VPC cannot overlap")
def existing_subnets_do_not_overlap(network: NetworkSettings) -> Iterator[Finding]:
    """Different subnets of an existing VPC have different addresses."""
    if not network.existing:
        return
    seen: list[tuple[str, SubnetReference]] = []
    for path, subnet in _references(network.existing):
        for other_path, other in seen:
            if subnet.id != other.id and _overlap(subnet.cidr, other.cidr):
                message = f"{subnet.cidr} overlaps {other.cidr} of {other_path}"
                yield Finding(f"{path}.cidr", message, "give each subnet's own network")
        seen.append((path, subnet))


@rules.rule(
    "network.existing-shared",
    source="a network policy knows a load balancer by its subnets",
    severity=Severity.WARNING,
)
def load_balancers_share_no_subnet_with_pods(network: NetworkSettings) -> Iterator[Finding]:
    """Nodes live in subnets of their own."""
    if not network.existing:
        return
    of_nodes = {subnet.id: zone for zone, subnet in network.existing.node_subnets.items()}
    for path, subnet in _references(network.existing):
        if not path.startswith("existing.nodeSubnets") and subnet.id in of_nodes:
            yield Finding(
                f"{path}.id",
                f"{subnet.id} is also the node subnet of {of_nodes[subnet.id]}: "
                "what admits the load balancer admits every pod there",
                "give the control plane and load balancers a subnet without nodes",
            )


@rules.rule("network.existing-ignored", source="an existing VPC is only used", severity=Severity.WARNING)
def an_existing_vpc_is_not_configured(network: NetworkSettings) -> Iterator[Finding]:
    """What only shapes a new VPC is not given with an existing one."""
    if not network.existing:
        return
    for field in ("cidr", "max_zones", "nat", "interface_endpoints", "flow_logs"):
        if field in network.model_fields_set and getattr(network, field) is not None:
            name = type(network).model_fields[field].alias or field
            yield Finding(name, "has no effect: the VPC exists", f"remove {name}, or remove existing")


def _references(existing: ExistingVpc) -> Iterator[tuple[str, SubnetReference]]:
    for key, subnets in (
        ("nodeSubnets", existing.node_subnets),
        ("controlPlaneSubnets", existing.control_plane_subnets),
        ("publicSubnets", existing.public_subnets),
    ):
        for zone, subnet in subnets.items():
            yield f"existing.{key}.{zone}", subnet


def _cidrs(network: NetworkSettings) -> Iterator[tuple[str, str]]:
    if network.existing:
        for path, subnet in _references(network.existing):
            yield f"{path}.cidr", subnet.cidr
    else:
        yield "cidr", network.cidr


def _mended(cidr: str) -> str:
    try:
        return f"use {IPv4Network(cidr, strict=False)}"
    except ValueError:
        return "write a network such as 10.0.0.0/16"


def _overlap(one: str, other: str) -> bool:
    first, second = block(one), block(other)
    return first is not None and second is not None and first.overlaps(second)
