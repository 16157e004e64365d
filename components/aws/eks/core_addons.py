"""The add-ons that need nodes: names, metrics, volumes, and the default storage class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.aws.eks.addons import addon, coredns_configuration, ebs_csi_configuration
from components.aws.eks.models import ClusterSettings, Substrate
from components.aws.eks.plan import plan_addons
from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import Statement, allow, managed_policy, partition
from components.base import Component, Context

EBS_CSI_SERVICE_ACCOUNT = "ebs-csi-controller-sa"
STORAGE_CLASS = "gp3"
"""Name of the default storage class: gp3, encrypted with the account's EBS key, bound where the pod runs."""


class CoreAddons(Component):
    """CoreDNS, metrics-server and the EBS CSI driver, `after` the system pool: without a node they stay degraded."""

    token = "sglang-hyperpod:aws:CoreAddons"

    ready: list[pulumi.Resource]
    """What needs names, metrics or volumes waits for these."""
    storage_class: str
    """Name of the default storage class."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: ClusterSettings,
        *,
        cluster_name: pulumi.Input[str],
        node_selector: Mapping[str, str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`node_selector` is the system pool's."""
        super().__init__(name, ctx, opts, after=after)
        self.storage_class = STORAGE_CLASS
        plans = plan_addons(settings)
        coredns = addon(self, plans["coredns"], cluster_name, configuration=coredns_configuration(node_selector))
        # No configuration: its pods tolerate no taint of a GPU pool, and a key that the add-on lacks would fail it.
        metrics_server = addon(self, plans["metrics-server"], cluster_name)
        hyperpod = settings.substrate == Substrate.HYPERPOD
        identity = PodIdentity(
            f"{name}-ebs-csi",
            ctx,
            cluster_name=cluster_name,
            namespace="kube-system",
            service_account=EBS_CSI_SERVICE_ACCOUNT,
            statements=hyperpod_volume_statements(ctx.region, settings.name) if hyperpod else None,
            managed_policy_arns=[managed_policy("service-role/AmazonEBSCSIDriverPolicyV2", ctx.region)],
            opts=self.child(),
        )
        ebs_csi = addon(
            self,
            plans["aws-ebs-csi-driver"],
            cluster_name,
            configuration=ebs_csi_configuration(node_selector),
            # Credentials are injected at admission: a controller that started first has none until it is restarted.
            depends_on=identity.ready,
        )
        self.ready = [coredns, metrics_server, ebs_csi, self._storage_class(ebs_csi)]
        self.register_outputs({"storageClass": self.storage_class})

    def _storage_class(self, driver: aws.eks.Addon) -> k8s.storage.v1.StorageClass:
        """EKS marks no class as default since 1.30 (EKS user guide, release notes of Kubernetes 1.30)."""
        return k8s.storage.v1.StorageClass(
            f"{self.name}-{STORAGE_CLASS}",
            metadata={
                "name": STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            volume_binding_mode="WaitForFirstConsumer",
            reclaim_policy="Delete",
            allow_volume_expansion=True,
            # A claim of this class waits for its driver: the class comes after it and goes before it. Its name is fixed
            # and its parameters cannot be changed: a new one cannot stand beside the old.
            opts=self.child(depends_on=[driver], delete_before_replace=True),
        )


def hyperpod_volume_statements(region: str, cluster_name: str) -> list[Statement]:
    """What the EBS driver needs on HyperPod, whose instances attach volumes through SageMaker.

    The HyperPod cluster's ARN has an id that only SageMaker knows, after this role is made: any cluster of the account.
    Source: kubernetes-sigs/aws-ebs-csi-driver, docs and #2601.
    """
    prefix = f"arn:{partition(region)}"
    attach = allow(
        ["sagemaker:AttachClusterNodeVolume", "sagemaker:DetachClusterNodeVolume"],
        [f"{prefix}:sagemaker:{region}:*:cluster/*"],
        condition={"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
    )
    return [attach, allow(["eks:DescribeCluster"], [f"{prefix}:eks:{region}:*:cluster/{cluster_name}"])]
