"""What the user says about the network."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.settings import Ipv4Cidr, Settings, ZoneId

SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")]
"""The id of a subnet that exists."""

EndpointService = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$", max_length=64)]
"""A service of an interface endpoint as AWS writes it after the region, e.g. `ecr.dkr`."""

NODE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts")
"""Interface endpoints without which no node joins a network that has no way out: the VPC CNI cannot start without `ec2`
(awslabs/awsome-distributed-ai, modules/vpc_endpoints), images come from ECR, pods get credentials from `eks-auth`."""

CLOSED = (
    *NODE_ENDPOINTS,
    "autoscaling",
    "ec2messages",
    "elasticloadbalancing",
    "fsx",
    "kms",
    "monitoring",
    "sagemaker.api",
    "ssm",
    "ssmmessages",
)
"""Interface endpoints of all that this stack calls: those of the reference's closed network
(awsome-distributed-ai@95b939c modules/vpc_endpoints) and those of the controllers added here. S3 has its gateway
endpoint in every network."""


class Nat(StrEnum):
    """How nodes without a public address reach the internet."""

    SINGLE = "single"
    PER_ZONE = "perZone"
    NONE = "none"


class SubnetReference(Settings):
    """A subnet that exists. Its network is given, since nothing may be looked up before deploying."""

    id: SubnetId
    """Its id."""
    cidr: Ipv4Cidr
    """Its network, from which the addresses available are counted."""
    free_addresses: Annotated[int, Field(ge=0)] | None = None
    """Addresses still free (`aws ec2 describe-subnets`: AvailableIpAddressCount); null counts the subnet as empty."""


class ExistingVpc(Settings):
    """A VPC that somebody else owns: subnets per zone go in, only the node security group is created in it."""

    vpc_id: Annotated[str, StringConstraints(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")]
    """Its id; DNS support and DNS hostnames must be on."""
    node_subnets: dict[ZoneId, SubnetReference]
    """Private subnet of the nodes in each zone; needs a way out and the S3 gateway endpoint."""
    control_plane_subnets: dict[ZoneId, SubnetReference]
    """Private subnet of the control plane and of internal load balancers in each zone; no pod may live there, or a
    network policy that admits the load balancer admits the pod. Tag: `kubernetes.io/role/internal-elb: 1`."""
    public_subnets: dict[ZoneId, SubnetReference] = Field(default_factory=dict)
    """Subnet of internet-facing load balancers in each zone. Tag: `kubernetes.io/role/elb: 1`."""


class FlowLogs(Settings):
    """VPC flow logs in CloudWatch."""

    traffic: Literal["ACCEPT", "REJECT", "ALL"] = "REJECT"
    """Which traffic is written; `ALL` on nodes that load weights costs more than it tells. EFA traffic never shows."""
    retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365] = 14
    """How long, in days (values that CloudWatch Logs takes)."""


class NetworkSettings(Settings):
    """Section `network`: a VPC made for the stack from one block of addresses, or an existing one."""

    cidr: Ipv4Cidr = "10.0.0.0/16"
    """Block of the new VPC; not used with `existing`. It is divided by `maxZones` alone, never by what runs in it, so
    that more nodes later never move a subnet."""
    zones: list[ZoneId] = Field(default_factory=list, max_length=7)
    """Availability zone ids, at least two (the EKS control plane wants two). Append only: the position of a zone is the
    position of its subnets."""
    max_zones: Literal[3, 7] = 3
    """How many zones `cidr` is divided for. Frozen at the first deployment: changing it replaces every subnet."""
    nat: Nat = Nat.SINGLE
    """NAT gateways: `single` (a lost zone takes every zone's way out with it), `perZone`, or `none` (a closed
    network). Not used with `existing`."""
    interface_endpoints: Literal["closed"] | list[EndpointService] = Field(default_factory=list)
    """Interface endpoints: `closed` for all that the stack needs without a way out, or services by name. The S3 gateway
    endpoint is always there, so that weights and image layers do not go through NAT. Not used with `existing`."""
    existing: ExistingVpc | None = None
    """An existing VPC instead of a new one; `zones` then names the zones used."""
    flow_logs: FlowLogs | None = None
    """Flow logs of a new VPC; null writes none."""
    spare_addresses_percent: Annotated[int, Field(ge=0, le=400)] = 50
    """Addresses a node subnet should have beyond the plan, in percent of it: replacements overlap what they replace,
    rollouts surge, file systems and endpoints take addresses too. Less is a warning, less than the plan an error."""

    @property
    def endpoint_services(self) -> tuple[str, ...]:
        """Services of the interface endpoints, sorted."""
        chosen = CLOSED if self.interface_endpoints == "closed" else self.interface_endpoints
        return tuple(sorted(set(chosen)))
