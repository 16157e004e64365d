"""An IAM role for the pods of one service account, by EKS Pod Identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.identity.policies import document, pod_identity_trust
from components.base import Component, Context


class PodIdentity(Component):
    """A role, its policies, and the association that hands it to the pods of `namespace`/`service_account`.

    Credentials are injected when a pod is admitted, so whatever starts the pods must `depends_on` all of `ready`: a pod
    that came first has none until it is restarted. The node needs the `eks-pod-identity-agent` add-on.
    """

    token = "sglang-hyperpod:aws:PodIdentity"

    role_arn: pulumi.Output[str]
    """The role's ARN."""
    ready: list[pulumi.Resource]
    """The association and the policies: what the pods must wait for."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        cluster_name: pulumi.Input[str],
        namespace: str,
        service_account: str,
        statements: Sequence[Any] | None = None,
        managed_policy_arns: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`statements` (see `policies.allow`) become one inline policy; ARNs in them may be outputs."""
        super().__init__(name, ctx, opts)
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=pod_identity_trust(),
            description=f"Pods of {namespace}/{service_account} in {ctx.cluster_name}",
            tags=dict(ctx.tags),
            opts=self.child(),
        )
        policies: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{arn.rsplit('/', 1)[-1]}", role=role.name, policy_arn=arn, opts=self.child()
            )
            for arn in managed_policy_arns
        ]
        if statements:
            inline = pulumi.Output.json_dumps(document(statements))
            policies.append(aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=inline, opts=self.child()))
        association = aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.arn,
            tags=dict(ctx.tags),
            opts=self.child(),
        )
        self.role_arn = role.arn
        self.ready = [*policies, association]
        self.register_outputs({"roleArn": self.role_arn})
