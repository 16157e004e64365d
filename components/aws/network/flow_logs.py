"""VPC flow logs in CloudWatch."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.aws.identity.policies import allow, document, service_trust
from components.aws.network.models import FlowLogs
from components.base import Component


def flow_logs(owner: Component, vpc_id: pulumi.Input[str], settings: FlowLogs) -> aws.ec2.FlowLog:
    """Write the VPC's traffic into a log group of its own."""
    group = aws.cloudwatch.LogGroup(
        f"{owner.name}-flow-logs",
        name=f"/sglang-hyperpod/{owner.ctx.cluster_name}/flow-logs",
        retention_in_days=settings.retention_days,
        tags=dict(owner.ctx.tags),
        opts=owner.child(),
    )
    role = aws.iam.Role(
        f"{owner.name}-flow-logs-role",
        assume_role_policy=service_trust("vpc-flow-logs.amazonaws.com"),
        description=f"Flow logs of {owner.ctx.cluster_name}",
        tags=dict(owner.ctx.tags),
        opts=owner.child(),
    )
    write = allow(
        ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        [group.arn, pulumi.Output.concat(group.arn, ":log-stream:*")],
    )
    policy = aws.iam.RolePolicy(
        f"{owner.name}-flow-logs-policy",
        role=role.name,
        policy=pulumi.Output.json_dumps(document([write])),
        opts=owner.child(),
    )
    return aws.ec2.FlowLog(
        f"{owner.name}-flow-log",
        vpc_id=vpc_id,
        traffic_type=settings.traffic,
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        max_aggregation_interval=60,
        tags=owner.ctx.named("flow-log"),
        # The first delivery fails for want of rights where the role has no policy yet.
        opts=owner.child(depends_on=[policy]),
    )
