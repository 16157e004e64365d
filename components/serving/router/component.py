"""The routers' namespace, and the routers of one model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.kube import PodSecurity, namespace
from components.serving.manifest import Spec
from components.serving.names import ROUTER_ACCOUNT, ROUTER_NAMESPACE
from components.serving.network.policies import allow_dns, deny_all
from components.serving.router.arguments import KEY_FILE
from components.serving.router.objects import DISCOVERY_RULES, deployment, disruption_budget, selector, service
from components.serving.router.plan import RouterPlan
from components.serving.router.policies import routing, serving

KEY_ANNOTATION = "sglang-hyperpod/api-key"
"""On every pod: a digest of the key it was started with, so that a new key rolls the routers."""


class RouterNamespace(Component):
    """The namespace of all routers: closed by default, `restricted`, with an account that may watch the pods of
    `engines_namespace` and nothing else.

    Routers run on the nodes of `node_selector`. `api_server_cidrs` are the networks of the control plane's interfaces.
    """

    token = "sglang-hyperpod:serving:RouterNamespace"

    namespace: pulumi.Output[str]
    """The namespace's name."""
    ready: list[pulumi.Resource]
    """Policies, account and rights: what pods of the namespace must wait for."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        engines_namespace: pulumi.Input[str],
        node_selector: Mapping[str, str],
        api_server_cidrs: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        self.node_selector = dict(node_selector)
        self.api_server_cidrs = list(api_server_cidrs)
        space = namespace(f"{name}-namespace", ROUTER_NAMESPACE, PodSecurity.RESTRICTED, self.child())
        self.namespace = space.metadata.apply(lambda metadata: str(metadata.name))
        traffic = [
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{what}", metadata={"name": what, "namespace": self.namespace}, spec=spec, opts=self.child()
            )
            for what, spec in (("deny-all", deny_all()), ("allow-dns", allow_dns()))
        ]
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={"name": ROUTER_ACCOUNT, "namespace": self.namespace},
            automount_service_account_token=False,
            opts=self.child(),
        )
        rights: Spec = {"name": "router-discovery", "namespace": engines_namespace}
        role = k8s.rbac.v1.Role(f"{name}-discovery", metadata=rights, rules=DISCOVERY_RULES, opts=self.child())
        binding = k8s.rbac.v1.RoleBinding(
            f"{name}-discovery-binding",
            metadata=rights,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": "router-discovery"},
            subjects=[{"kind": "ServiceAccount", "name": ROUTER_ACCOUNT, "namespace": ROUTER_NAMESPACE}],
            # The binding names role and account by plain strings.
            opts=self.child(depends_on=[role, account]),
        )
        self.ready = [*traffic, binding]
        self.register_outputs({"namespace": self.namespace})


class Router(Component):
    """The routers of one model and the Service in front of them.

    They start `after` the model's groups, since a router is ready once it knows a healthy group: their Deployment is
    there once requests get through. `api_key` is what clients must send; `load_balancer_cidrs` are the networks and
    `clients` the pods (as peers of a NetworkPolicy) from which requests come.
    """

    token = "sglang-hyperpod:serving:Router"

    ready: list[pulumi.Resource]
    """The Deployment, there once every router serves, and its Service."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: RouterPlan,
        space: RouterNamespace,
        *,
        engines_namespace: str,
        api_key: pulumi.Input[str] | None = None,
        monitoring_namespace: str | None = None,
        load_balancer_cidrs: Sequence[str] = (),
        clients: Sequence[Mapping[str, Any]] = (),
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=[*after, *space.ready])
        self._plan = plan
        self._space = space
        self._clients = list(clients)
        needed = self._policies(engines_namespace, monitoring_namespace, load_balancer_cidrs)
        annotations: dict[str, Any] = {}
        if api_key is not None:
            needed.append(self._key(api_key))
            annotations[KEY_ANNOTATION] = pulumi.Output.secret(api_key).apply(_digest)
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-budget", metadata=self._metadata(plan.name), spec=disruption_budget(plan), opts=self.child()
        )
        drained = plan.grace_period_seconds // 60 + 10
        made = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=self._metadata(plan.name),
            spec=deployment(
                plan,
                node_selector=space.node_selector,
                annotations=annotations,
                key_secret=self._key_name if api_key is not None else None,
            ),
            # Account, key and policies are named as text; a router without a group would never be ready.
            opts=self.child_after(
                *needed,
                custom_timeouts=pulumi.CustomTimeouts(
                    create="15m", update=f"{plan.replicas * drained}m", delete=f"{drained}m"
                ),
            ),
        )
        # Its addresses are those of the Deployment's pods, which are waited for anyway.
        entry = k8s.core.v1.Service(
            f"{name}-service",
            metadata=self._metadata(plan.name, annotations={"pulumi.com/skipAwait": "true"}),
            spec=service(plan),
            opts=self.child(),
        )
        self.ready = [made, entry]
        self.register_outputs({"endpoint": plan.endpoint})

    @property
    def _key_name(self) -> str:
        return f"{self._plan.name}-api-key"

    def _metadata(self, name: str, **more: Any) -> Spec:
        return {"name": name, "namespace": self._space.namespace, **more}

    def _key(self, api_key: pulumi.Input[str]) -> k8s.core.v1.Secret:
        return k8s.core.v1.Secret(
            f"{self.name}-api-key",
            metadata=self._metadata(self._key_name),
            string_data={KEY_FILE.rpartition("/")[2]: pulumi.Output.secret(api_key)},
            opts=self.child(),
        )

    def _policies(
        self, engines_namespace: str, monitoring_namespace: str | None, load_balancer_cidrs: Sequence[str]
    ) -> list[pulumi.Resource]:
        labels = selector(self._plan.name)
        specs = {
            "serving": serving(
                labels,
                monitoring_namespace=monitoring_namespace,
                load_balancer_cidrs=load_balancer_cidrs,
                clients=self._clients,
            ),
            "routing": routing(labels, self._plan.leaders.values(), engines_namespace, self._space.api_server_cidrs),
        }
        return [
            k8s.networking.v1.NetworkPolicy(
                f"{self.name}-{what}",
                metadata=self._metadata(f"{self._plan.name}-{what}"),
                spec=spec,
                opts=self.child(),
            )
            for what, spec in specs.items()
        ]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]
