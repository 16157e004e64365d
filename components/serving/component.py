"""A served model: its groups of pods and everything around them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import partition
from components.base import Component, Context
from components.serving.engine.arguments import KEY_FILE
from components.serving.entry.ingress import (
    ENGINE_HEALTH,
    ROUTED_PATHS,
    ROUTER_HEALTH,
    ingress,
    ingress_annotations,
)
from components.serving.group.component import Groups
from components.serving.group.objects import service
from components.serving.manifest import Spec
from components.serving.namespace.component import InferenceNamespace
from components.serving.network.policies import api, between, https_out, pods_of, to_networks, within_group
from components.serving.plan import GroupPlan, ModelPlan
from components.serving.router.component import Router, RouterNamespace
from components.serving.router.objects import selector
from components.serving.weights.component import WeightsPrefetch
from components.serving.weights.policy import read_bucket

__all__ = ["InferenceNamespace", "Model", "RouterNamespace", "WeightsPrefetch"]

KEY_ANNOTATION = "sglang-hyperpod/api-key"
"""On every pod: a digest of the key it was started with, so that a new key rolls the groups."""


class Model(Component):
    """One model on its LeaderWorkerSets, reached through the Service of their leaders, or of its routers, which live in
    `routers`.

    `claim_name` is the claim with the weights, a plain name; `api_key` what clients must send. `load_balancer_cidrs`
    are the networks in which the model's load balancer has its addresses, none where none leads to it; `vpc_cidrs` are
    the VPC's own; `clients` are pods in the cluster that send requests, as peers of a NetworkPolicy. `versions` are
    the other models among which its entry splits the requests, by name. Pods start `after`: weights, admission policy,
    LeaderWorkerSet controller, device plugins. The Ingress waits for `entry_after`, the load balancer controller,
    without which it could not be deleted either.
    """

    token = "sglang-hyperpod:serving:Model"

    endpoint: str
    """Base URL of the API inside the cluster."""
    url: pulumi.Output[str] | None
    """Base URL through the load balancer; None without an entry."""
    ready: list[pulumi.Resource]
    """The LeaderWorkerSets, each there once all its groups answer; of a DisaggregatedSet the Services of its phases,
    each there once one of its groups does."""
    serving: list[pulumi.Resource]
    """What a load balancer waits for before it sends requests: groups, routers and the Service before them."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: ModelPlan,
        *,
        namespace: pulumi.Input[str],
        claim_name: str | None = None,
        api_key: pulumi.Input[str] | None = None,
        cluster_name: pulumi.Input[str] | None = None,
        routers: RouterNamespace | None = None,
        monitoring_namespace: str | None = "monitoring",
        load_balancer_cidrs: Sequence[str] = (),
        vpc_cidrs: Sequence[str] = (),
        clients: Sequence[Mapping[str, Any]] = (),
        versions: Mapping[str, Model] | None = None,
        after: Sequence[pulumi.Resource] = (),
        entry_after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self.plan = plan
        self._namespace = namespace
        self._clients = list(clients)
        needed: list[pulumi.Resource] = [*after, *self._identity(cluster_name)]
        annotations: dict[str, Any] = {}
        key_secret = None
        if api_key is not None and plan.router is None:
            key_secret = f"{plan.name}-api-key"
            needed.append(self._key(api_key))
            annotations[KEY_ANNOTATION] = pulumi.Output.secret(api_key).apply(_digest)
        for group in plan.groups:
            needed += self._policies(group, monitoring_namespace, () if plan.router else load_balancer_cidrs, vpc_cidrs)
            needed += self._tuned_files(group)
        self.ready = Groups(
            owner=self,
            plan=plan,
            namespace=namespace,
            claim_name=claim_name,
            key_secret=key_secret,
            annotations=annotations,
            needed=needed,
        ).make()
        front = self._front(routers, api_key, monitoring_namespace, load_balancer_cidrs)
        self.serving = [*self.ready, *front]
        self.endpoint = plan.endpoint
        self.url = self._entry(vpc_cidrs, {self.plan.name: self, **(versions or {})}, entry_after)
        self.register_outputs({"endpoint": self.endpoint, "url": self.url})

    def _metadata(self, name: str, **more: Any) -> Spec:
        return {"name": name, "namespace": self._namespace, **more}

    def _tuned_files(self, group: GroupPlan) -> list[pulumi.Resource]:
        """The files that a role's pods mount; another name for each content, so that a pod never sees both."""
        if group.tuned_files is None:
            return []
        config_map = k8s.core.v1.ConfigMap(
            f"{self.name}-{group.role}-tuned",
            metadata=self._metadata(group.tuned_files.name),
            data=group.tuned_files.files,
            immutable=True,
            opts=self.child(),
        )
        return [config_map]

    def _identity(self, cluster_name: pulumi.Input[str] | None) -> list[pulumi.Resource]:
        """A service account that may read the model's folder of its bucket, where the weights are streamed from one."""
        bucket, prefix = self.plan.weights.bucket, self.plan.weights.prefix
        if bucket is None or prefix is None:
            return []
        if cluster_name is None:
            raise ValueError(f"{self.plan.name} reads s3://{bucket} and needs cluster_name for its pod identity")
        account = k8s.core.v1.ServiceAccount(
            f"{self.name}-account",
            metadata=self._metadata(self.plan.service_account),
            automount_service_account_token=False,
            opts=self.child(),
        )
        identity = PodIdentity(
            f"{self.name}-identity",
            self.ctx,
            cluster_name=cluster_name,
            namespace=self.plan.namespace,
            service_account=self.plan.service_account,
            statements=read_bucket(bucket, prefix, partition(self.ctx.region)),
            opts=self.child(),
        )
        return [account, *identity.ready]

    def _key(self, api_key: pulumi.Input[str]) -> k8s.core.v1.Secret:
        text = pulumi.Output.secret(api_key).apply(lambda key: json.dumps({"api-key": key}) + "\n")
        return k8s.core.v1.Secret(
            f"{self.name}-api-key",
            metadata=self._metadata(f"{self.plan.name}-api-key"),
            string_data={KEY_FILE.rpartition("/")[2]: text},
            opts=self.child(),
        )

    def _policies(
        self,
        group: GroupPlan,
        monitoring_namespace: str | None,
        load_balancer_cidrs: Sequence[str],
        vpc_cidrs: Sequence[str],
    ) -> list[pulumi.Resource]:
        """The group's NetworkPolicies; they come before its pods, which would be cut off from each other at first."""
        specs: dict[str, Spec] = {
            "api": api(
                group.members,
                monitoring_namespace=monitoring_namespace,
                load_balancer_cidrs=load_balancer_cidrs,
                routers=self._routers(),
                clients=() if self.plan.router else self._clients,
            )
        }
        if group.nodes_per_group > 1:
            specs["group"] = within_group(group.members)
        if group.transfer:
            specs["transfer"] = between(group.members, group.transfer.peers)
        if group.store_networks:
            specs["store"] = to_networks(group.members, group.store_networks)
        if not self.plan.weights.mounted:
            in_bucket = self.plan.weights.bucket is not None
            specs["egress"] = https_out(group.members, pod_identity=in_bucket, inside=vpc_cidrs)
        return [
            k8s.networking.v1.NetworkPolicy(
                f"{self.name}-{group.role}-{what}",
                metadata=self._metadata(f"{group.name}-{what}"),
                spec=spec,
                opts=self.child(),
            )
            for what, spec in specs.items()
        ]

    def _routers(self) -> dict[str, Any] | None:
        """The model's routers as the peer of a NetworkPolicy."""
        router = self.plan.router
        return pods_of(router.namespace, selector(router.name)) if router else None

    def _front(
        self,
        routers: RouterNamespace | None,
        api_key: pulumi.Input[str] | None,
        monitoring_namespace: str | None,
        load_balancer_cidrs: Sequence[str],
    ) -> list[pulumi.Resource]:
        """What clients talk to: the routers, or the Service of the leaders. Returns what an entry must wait for."""
        self._client_namespace = self._namespace
        if self.plan.router is None:
            return [self._service()]
        if routers is None:
            raise ValueError(f"{self.plan.name} has a router and needs the routers' namespace")
        self._client_namespace = routers.namespace
        return Router(
            f"{self.name}-router",
            self.ctx,
            self.plan.router,
            routers,
            engines_namespace=self.plan.namespace,
            api_key=api_key,
            monitoring_namespace=monitoring_namespace,
            load_balancer_cidrs=load_balancer_cidrs,
            clients=self._clients,
            after=self.ready,
            opts=self.child(),
        ).ready

    def _service(self) -> k8s.core.v1.Service:
        # Its leaders may take an hour to answer, and the LeaderWorkerSet is waited for anyway.
        metadata = self._metadata(self.plan.service, annotations={"pulumi.com/skipAwait": "true"})
        return k8s.core.v1.Service(
            f"{self.name}-service", metadata=metadata, spec=service(self.plan.front), opts=self.child()
        )

    def _entry(
        self, vpc_cidrs: Sequence[str], versions: Mapping[str, Model], entry_after: Sequence[pulumi.Resource]
    ) -> pulumi.Output[str] | None:
        entry = self.plan.settings.entry
        if entry is None:
            return None
        reached = [versions[name] for name in entry.traffic or (self.plan.name,)]
        shares = {model.plan.service: entry.traffic.get(model.plan.name, 100) for model in reached}
        annotations = ingress_annotations(
            entry,
            group=self.plan.namespace,
            # One Ingress has one time-out for all its targets.
            grace_period_seconds=max(model.plan.grace_period_seconds for model in reached),
            inbound_cidrs=entry.inbound_cidrs or vpc_cidrs,
            shares=shares,
            health=ROUTER_HEALTH if self.plan.router else ENGINE_HEALTH,
        )
        paths = ROUTED_PATHS if self.plan.router else ("/",)
        made = k8s.networking.v1.Ingress(
            f"{self.name}-entry",
            metadata={"name": self.plan.name, "namespace": self._client_namespace, "annotations": annotations},
            spec=ingress(entry, shares, paths),
            opts=self.child(
                # The controller makes the load balancer and, at the end, removes it; it wants ready targets.
                depends_on=[*entry_after, *(resource for model in reached for resource in model.serving)],
                custom_timeouts=pulumi.CustomTimeouts(create="20m", delete="20m"),
            ),
        )
        if self.plan.public_endpoint:
            return pulumi.Output.from_input(self.plan.public_endpoint)
        scheme = "https" if entry.certificate_arn else "http"
        return made.status.apply(lambda status: f"{scheme}://{_host_name(status)}{entry.path or ''}/v1")


def _host_name(status: Any) -> str:
    """The load balancer's own name; an Ingress is made only once it has one."""
    return str(status.load_balancer.ingress[0].hostname)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]
