"""The gateway: LiteLLM's proxy before the stack's models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.gateway.configuration import CONFIG_FILE, KEYS_FILE, KEYS_MODULE, configuration, key_rights, keys_module
from components.gateway.objects import CONFIG, KEYS, PATHS, asking, deployment, disruption_budget, service, serving
from components.gateway.plan import NAMESPACE, GatewayPlan
from components.kube import PodSecurity, namespace
from components.serving.entry.ingress import HealthCheck, ingress, ingress_annotations
from components.serving.manifest import Spec
from components.serving.network.policies import allow_dns, deny_all

ANNOTATION = "sglang-hyperpod/configuration"
KEY_ANNOTATION = "sglang-hyperpod/api-key"
"""On every pod: digests of the configuration and of the keys, so that a change rolls the gateways."""

HEALTH = HealthCheck("/health/readiness", 10, 5)


class Gateway(Component):
    """The namespace of the gateway, closed by default and `restricted`; its pods, and the way in.

    `fronts` are the models that it asks, as peers of a NetworkPolicy; `secrets` the stack's secrets by name, of client
    keys and of the models' own. `group` is the load balancer that all entries share. The Ingress waits for
    `entry_after`, the load balancer controller; pods wait for no model, since one that is down has fallbacks.
    """

    token = "sglang-hyperpod:gateway:Gateway"

    namespace: pulumi.Output[str]
    """The namespace's name."""
    endpoint: str
    """Base URL of the API inside the cluster."""
    url: str | None
    """Base URL through the load balancer; None without an entry or a host name."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: GatewayPlan,
        *,
        fronts: Sequence[Mapping[str, Any]],
        secrets: Mapping[str, pulumi.Output[str]],
        node_selector: Mapping[str, str],
        group: str,
        monitoring_namespace: str | None = None,
        load_balancer_cidrs: Sequence[str] = (),
        vpc_cidrs: Sequence[str] = (),
        after: Sequence[pulumi.Resource] = (),
        entry_after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts, after=after)
        self._plan = plan
        space = namespace(f"{name}-namespace", NAMESPACE, PodSecurity.RESTRICTED, self.child())
        self.namespace = space.metadata.apply(lambda metadata: str(metadata.name))
        needed = self._policies(
            asking(fronts), serving(monitoring_namespace=monitoring_namespace, load_balancer_cidrs=load_balancer_cidrs)
        )
        rights = self._rights(secrets)
        needed += [self._account(), self._config(), self._keys(rights, secrets)]
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-budget", metadata=self._metadata(), spec=disruption_budget(), opts=self.child()
        )
        annotations = {
            ANNOTATION: _digest(self._texts()),
            # A model's own key is in the environment, which only a new pod reads.
            KEY_ANNOTATION: pulumi.Output.all(rights, *secrets.values()).apply(_digest),
        }
        drained = plan.grace_seconds // 60 + 10
        self._deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=self._metadata(),
            spec=deployment(plan, node_selector=node_selector, annotations=annotations),
            # Account, configuration, keys and policies are named as text.
            opts=self.child_after(
                *needed,
                custom_timeouts=pulumi.CustomTimeouts(
                    create="20m", update=f"{plan.settings.replicas * drained}m", delete=f"{drained}m"
                ),
            ),
        )
        # Its addresses are those of the Deployment's pods, which are waited for anyway.
        self._service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=self._metadata(annotations={"pulumi.com/skipAwait": "true"}),
            spec=service(),
            opts=self.child(),
        )
        self._entry(group, vpc_cidrs, entry_after)
        self.endpoint, self.url = plan.endpoint, plan.public_endpoint
        self.register_outputs({"endpoint": self.endpoint, "url": self.url})

    def _metadata(self, name: str = CONFIG, **more: Any) -> Spec:
        return {"name": name, "namespace": self.namespace, **more}

    def _policies(self, asks: Any, serves: Any) -> list[pulumi.Resource]:
        specs = {"deny-all": deny_all(), "allow-dns": allow_dns(), "serving": serves, "asking": asks}
        return [
            k8s.networking.v1.NetworkPolicy(
                f"{self.name}-{what}", metadata=self._metadata(what), spec=spec, opts=self.child()
            )
            for what, spec in specs.items()
        ]

    def _account(self) -> pulumi.Resource:
        return k8s.core.v1.ServiceAccount(
            f"{self.name}-account",
            metadata=self._metadata(),
            automount_service_account_token=False,
            opts=self.child(),
        )

    def _texts(self) -> dict[str, str]:
        return {
            CONFIG_FILE: json.dumps(configuration(self._plan), indent=2) + "\n",
            f"{KEYS_MODULE}.py": keys_module(),
        }

    def _config(self) -> pulumi.Resource:
        return k8s.core.v1.ConfigMap(
            f"{self.name}-config", metadata=self._metadata(), data=self._texts(), opts=self.child()
        )

    def _rights(self, secrets: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[str]:
        """The file of client keys: their digests and what each may do."""
        settings = self._plan.settings
        given = {name: secrets[name] for name in dict.fromkeys(key.secret for key in settings.keys)}
        text = pulumi.Output.all(**given).apply(
            lambda values: json.dumps(key_rights(settings.keys, values, settings.replicas), indent=2)
        )
        return pulumi.Output.secret(text)

    def _keys(self, rights: pulumi.Output[str], secrets: Mapping[str, pulumi.Output[str]]) -> pulumi.Resource:
        own = {variable: secrets[name] for variable, name in self._plan.engine_keys.items()}
        return k8s.core.v1.Secret(
            f"{self.name}-keys",
            metadata=self._metadata(KEYS),
            string_data={KEYS_FILE.rpartition("/")[2]: rights, **own},
            opts=self.child(),
        )

    def _entry(self, group: str, vpc_cidrs: Sequence[str], entry_after: Sequence[pulumi.Resource]) -> None:
        entry = self._plan.settings.entry
        if entry is None:
            return
        shares = {CONFIG: 100}
        annotations = ingress_annotations(
            entry,
            group=group,
            grace_period_seconds=self._plan.grace_seconds,
            inbound_cidrs=entry.inbound_cidrs or vpc_cidrs,
            shares=shares,
            health=HEALTH,
        )
        k8s.networking.v1.Ingress(
            f"{self.name}-entry",
            metadata=self._metadata(annotations=annotations),
            spec=ingress(entry, shares, PATHS),
            opts=self.child(
                # The controller makes the load balancer and, at the end, removes it; it wants ready targets.
                depends_on=[*entry_after, self._deployment, self._service],
                custom_timeouts=pulumi.CustomTimeouts(create="20m", delete="20m"),
            ),
        )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
