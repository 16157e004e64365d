"""The VPC, its subnets and ways out, and the security group of the nodes."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.aws.network.endpoints import gateway_endpoint, interface_endpoints
from components.aws.network.flow_logs import flow_logs
from components.aws.network.models import Nat
from components.aws.network.plan import NetworkPlan, SubnetPlan
from components.base import Component, Context

EVERYWHERE = "0.0.0.0/0"

SLOW_DELETE = pulumi.CustomTimeouts(delete="30m")
"""Interfaces of load balancers and of the VPC CNI leave their subnet and security group minutes after their owner."""


class Network(Component):
    """The network of the stack, or what the stack needs in an existing VPC: its node security group.

    Subnets are made by zone id, since a zone's name means another place in each account.
    """

    token = "sglang-hyperpod:aws:Network"

    vpc_id: pulumi.Output[str]
    """The VPC's id."""
    node_subnets: dict[str, pulumi.Output[str]]
    """Node subnet by zone id."""
    control_plane_subnet_ids: list[pulumi.Output[str]]
    """Subnets of the control plane and of internal load balancers."""
    public_subnet_ids: list[pulumi.Output[str]]
    """Subnets of internet-facing load balancers; empty in a closed network."""
    node_security_group_id: pulumi.Output[str]
    """The security group of nodes and file systems: everything passes between its members, as EFA and FSx want."""
    egress_ready: list[pulumi.Resource]
    """Routes and endpoints: a node that starts before them cannot fetch an image or join."""

    def __init__(
        self, name: str, ctx: Context, plan: NetworkPlan, *, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, ctx, opts)
        self.plan = plan
        self.egress_ready = []
        if plan.vpc_id:
            self._use_existing(plan.vpc_id)
        else:
            self._make_vpc()
        self.node_security_group_id = self._node_security_group()
        self.register_outputs({"vpcId": self.vpc_id, "nodeSecurityGroupId": self.node_security_group_id})

    def _use_existing(self, vpc_id: str) -> None:
        self.vpc_id = pulumi.Output.from_input(vpc_id)
        self.node_subnets = {zone.zone: _given(zone.node) for zone in self.plan.zones}
        self.control_plane_subnet_ids = [_given(zone.control_plane) for zone in self.plan.zones]
        self.public_subnet_ids = [_given(zone.public) for zone in self.plan.zones if zone.public]

    def _make_vpc(self) -> None:
        settings = self.plan.settings
        vpc = aws.ec2.Vpc(
            f"{self.name}-vpc",
            cidr_block=self.plan.vpc_cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self.ctx.named("vpc"),
            opts=self.child(),
        )
        self.vpc_id = vpc.id
        # Whoever forgets to name a security group gets this one; without rules that is seen at once.
        aws.ec2.DefaultSecurityGroup(
            f"{self.name}-default-security-group",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self.ctx.named("closed"),
            opts=self.child(),
        )
        self.node_subnets = {zone.zone: self._subnet("nodes", zone.zone, zone.node, {}).id for zone in self.plan.zones}
        inner = {
            zone.zone: self._subnet("control-plane", zone.zone, zone.control_plane, _role("internal-elb")).id
            for zone in self.plan.zones
        }
        self.control_plane_subnet_ids = list(inner.values())
        outer = {
            zone.zone: self._subnet("public", zone.zone, zone.public, _role("elb")).id
            for zone in self.plan.zones
            if zone.public
        }
        self.public_subnet_ids = list(outer.values())
        gateways = self._nat_gateways(outer) if settings.nat != Nat.NONE else {}
        tables = {zone: self._private_routes(zone, inner[zone], gateways.get(zone)) for zone in self.node_subnets}
        self.egress_ready.append(gateway_endpoint(self, self.vpc_id, [table.id for table in tables.values()]))
        if settings.endpoint_services:
            self.egress_ready += interface_endpoints(
                self, self.vpc_id, str(self.plan.vpc_cidr), self.control_plane_subnet_ids, settings.endpoint_services
            )
        if settings.flow_logs:
            flow_logs(self, self.vpc_id, settings.flow_logs)

    def _subnet(self, role: str, zone: str, plan: SubnetPlan, tags: dict[str, str]) -> aws.ec2.Subnet:
        shared = {f"kubernetes.io/cluster/{self.ctx.cluster_name}": "shared"} if tags else {}
        return aws.ec2.Subnet(
            f"{self.name}-{role}-{zone}",
            vpc_id=self.vpc_id,
            cidr_block=plan.cidr,
            availability_zone_id=zone,
            map_public_ip_on_launch=False,
            tags={**self.ctx.named(f"{role}-{zone}"), **tags, **shared},
            opts=self.child(custom_timeouts=SLOW_DELETE),
        )

    def _nat_gateways(self, public: dict[str, pulumi.Output[str]]) -> dict[str, aws.ec2.NatGateway]:
        """A NAT gateway for each zone; the same one for all where the settings want a single one."""
        gateway = aws.ec2.InternetGateway(
            f"{self.name}-internet", vpc_id=self.vpc_id, tags=self.ctx.named("internet"), opts=self.child()
        )
        table = aws.ec2.RouteTable(
            f"{self.name}-public", vpc_id=self.vpc_id, tags=self.ctx.named("public"), opts=self.child()
        )
        route = aws.ec2.Route(
            f"{self.name}-public-default",
            route_table_id=table.id,
            destination_cidr_block=EVERYWHERE,
            gateway_id=gateway.id,
            opts=self.child(),
        )
        associations = {zone: self._associate("public", zone, subnet, table) for zone, subnet in public.items()}
        single = self.plan.settings.nat == Nat.SINGLE
        made = {
            # AWS refuses a NAT gateway in a subnet whose VPC has no internet gateway yet, which no input says.
            zone: self._nat_gateway(zone, subnet, [gateway, route, associations[zone]])
            for zone, subnet in (list(public.items())[:1] if single else public.items())
        }
        first = next(iter(made.values()))
        return {zone: made.get(zone, first) for zone in public}

    def _nat_gateway(self, zone: str, subnet: pulumi.Output[str], after: list[pulumi.Resource]) -> aws.ec2.NatGateway:
        address = aws.ec2.Eip(
            f"{self.name}-nat-{zone}-address",
            domain="vpc",
            tags=self.ctx.named(f"nat-{zone}"),
            opts=self.child(depends_on=after),
        )
        return aws.ec2.NatGateway(
            f"{self.name}-nat-{zone}",
            subnet_id=subnet,
            allocation_id=address.id,
            tags=self.ctx.named(f"nat-{zone}"),
            opts=self.child(depends_on=after),
        )

    def _private_routes(
        self, zone: str, control_plane: pulumi.Output[str], gateway: aws.ec2.NatGateway | None
    ) -> aws.ec2.RouteTable:
        """The route table of a zone's private subnets."""
        table = aws.ec2.RouteTable(
            f"{self.name}-private-{zone}",
            vpc_id=self.vpc_id,
            tags=self.ctx.named(f"private-{zone}"),
            opts=self.child(),
        )
        if gateway:
            self.egress_ready.append(
                aws.ec2.Route(
                    f"{self.name}-private-{zone}-default",
                    route_table_id=table.id,
                    destination_cidr_block=EVERYWHERE,
                    nat_gateway_id=gateway.id,
                    opts=self.child(),
                )
            )
        self.egress_ready.append(self._associate("nodes", zone, self.node_subnets[zone], table))
        self._associate("control-plane", zone, control_plane, table)
        return table

    def _associate(
        self, role: str, zone: str, subnet: pulumi.Output[str], table: aws.ec2.RouteTable
    ) -> aws.ec2.RouteTableAssociation:
        return aws.ec2.RouteTableAssociation(
            f"{self.name}-{role}-{zone}-routes", subnet_id=subnet, route_table_id=table.id, opts=self.child()
        )

    def _node_security_group(self) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            f"{self.name}-nodes",
            vpc_id=self.vpc_id,
            description="Nodes and file systems",
            # Rules of other groups that name this one would keep it from being deleted.
            revoke_rules_on_delete=True,
            tags=self.ctx.named("nodes"),
            opts=self.child(custom_timeouts=SLOW_DELETE),
        )
        from_nodes = aws.vpc.SecurityGroupIngressRule(
            f"{self.name}-nodes-from-nodes",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="Everything between nodes and file systems; EFA and FSx check for it",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        # No rule with an address range matches EFA traffic (gardener PR 1833), so the one to everywhere is not enough.
        to_nodes = aws.vpc.SecurityGroupEgressRule(
            f"{self.name}-nodes-to-nodes",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="Everything between nodes and file systems; EFA and FSx check for it",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        to_everywhere = aws.vpc.SecurityGroupEgressRule(
            f"{self.name}-nodes-to-everywhere",
            security_group_id=group.id,
            cidr_ipv4=EVERYWHERE,
            ip_protocol="-1",
            description="AWS, registries and model sources",
            tags=dict(self.ctx.tags),
            opts=self.child(),
        )
        # Whoever takes the group waits for its rules too: FSx refuses a group without them, and a node cannot join.
        return pulumi.Output.all(group.id, from_nodes.id, to_nodes.id, to_everywhere.id).apply(lambda made: made[0])


def _given(subnet: SubnetPlan) -> pulumi.Output[str]:
    return pulumi.Output.from_input(subnet.id or "")


def _role(kind: str) -> dict[str, str]:
    return {f"kubernetes.io/role/{kind}": "1"}
