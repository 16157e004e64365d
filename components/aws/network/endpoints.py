"""VPC endpoints: the way to AWS services that does not lead through NAT."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.base import Component


def gateway_endpoint(
    owner: Component, vpc_id: pulumi.Input[str], route_table_ids: Sequence[pulumi.Input[str]]
) -> aws.ec2.VpcEndpoint:
    """The S3 gateway endpoint, which costs nothing: weights, image layers and lifecycle scripts go through it."""
    return aws.ec2.VpcEndpoint(
        f"{owner.name}-s3",
        vpc_id=vpc_id,
        service_name=f"com.amazonaws.{owner.ctx.region}.s3",
        vpc_endpoint_type="Gateway",
        route_table_ids=list(route_table_ids),
        tags=owner.ctx.named("s3"),
        opts=owner.child(),
    )


def interface_endpoints(
    owner: Component,
    vpc_id: pulumi.Input[str],
    vpc_cidr: str,
    subnet_ids: Sequence[pulumi.Input[str]],
    services: Sequence[str],
) -> list[pulumi.Resource]:
    """An interface endpoint for each service, open to the VPC alone.

    Its group's rule is among what is returned: an endpoint without it answers nobody.
    """
    group = aws.ec2.SecurityGroup(
        f"{owner.name}-endpoints",
        vpc_id=vpc_id,
        description="Interface endpoints",
        tags=owner.ctx.named("endpoints"),
        opts=owner.child(),
    )
    rule = aws.vpc.SecurityGroupIngressRule(
        f"{owner.name}-endpoints-from-vpc",
        security_group_id=group.id,
        cidr_ipv4=vpc_cidr,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        description="AWS APIs from the VPC",
        tags=dict(owner.ctx.tags),
        opts=owner.child(),
    )
    endpoints = [
        aws.ec2.VpcEndpoint(
            f"{owner.name}-endpoint-{service.replace('.', '-')}",
            vpc_id=vpc_id,
            service_name=f"com.amazonaws.{owner.ctx.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=list(subnet_ids),
            security_group_ids=[group.id],
            tags=owner.ctx.named(service.replace(".", "-")),
            opts=owner.child(),
        )
        for service in services
    ]
    return [rule, *endpoints]
