"""What `eks.Cluster` makes by itself with the options that `EksCluster` gives it.

The real engine shows these, and an offline run can only know them from here: they are shown as made by `eks` and left
out of comparisons between engines. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.aws.eks.models import AuthenticationMode

SOURCE = (
    "pulumi/pulumi-eks@7bf0c1b179932ce51cb02dfc4f9bd0d7550cb0cd nodejs/eks/cluster/cluster.ts, createCore and "
    "createCluster (4.4.0 has no tag there; the file is the same in v4.3.0)"
)

MADE_BY = "eks"
"""The package that makes them."""


@dataclass(frozen=True, slots=True)
class Child:
    """A resource by its type token and logical name; its parent is the `eks:index:Cluster`."""

    type: str
    name: str


def children(name: str, mode: AuthenticationMode) -> tuple[Child, ...]:
    """The children of the `eks.Cluster` called `name`.

    Options keep it from making more: its service role is given, the default node group, security groups, instance role,
    OIDC provider and the add-ons vpc-cni, kube-proxy and coredns are off. It makes a Kubernetes provider in any case;
    only the `aws-auth` ConfigMap goes through it.
    """
    made = (
        Child("aws:eks/cluster:Cluster", f"{name}-eksCluster"),
        Child("pulumi:providers:kubernetes", f"{name}-eks-k8s"),
    )
    if mode == AuthenticationMode.API:
        return made
    return (*made, Child("kubernetes:core/v1:ConfigMap", f"{name}-nodeAccess"))
