"""The engines' namespace, closed by default."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.kube import PodSecurity, namespace
from components.serving.names import ACCOUNTS, STAGING_SCRIPT
from components.serving.namespace.plan import POLICY, NamespacePlan, admission_binding, admission_policy
from components.serving.network.policies import allow_dns, deny_all
from components.serving.weights import staging


class InferenceNamespace(Component):
    """The namespace of the engines: no traffic but name resolution until a model allows its own, pods that may have
    exactly what the plan needs, and service accounts without a token.

    Engines lock memory for EFA and mount the node's NVMe, which the `baseline` level refuses; so the namespace is
    `privileged` in name, and an admission policy takes back what engines do not need.
    """

    token = "sglang-hyperpod:serving:InferenceNamespace"

    namespace: pulumi.Output[str]
    """The namespace's name."""
    ready: list[pulumi.Resource]
    """Policies, accounts and scripts: what pods of the namespace must wait for."""

    def __init__(
        self, name: str, ctx: Context, plan: NamespacePlan, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, ctx, opts)
        space = namespace(f"{name}-namespace", plan.name, PodSecurity.PRIVILEGED, self.child())
        self.namespace = space.metadata.apply(lambda metadata: str(metadata.name))
        policy = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            f"{name}-policy", metadata={"name": POLICY}, spec=admission_policy(plan), opts=self.child()
        )
        binding = k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            f"{name}-policy-binding",
            metadata={"name": POLICY},
            spec=admission_binding(plan),
            # The binding names the policy by a plain string.
            opts=self.child(depends_on=[policy]),
        )
        traffic = [
            k8s.networking.v1.NetworkPolicy(
                f"{name}-{what}",
                metadata={"name": what, "namespace": self.namespace},
                spec=spec,
                opts=self.child(),
            )
            for what, spec in (("deny-all", deny_all()), ("allow-dns", allow_dns()))
        ]
        accounts = [
            k8s.core.v1.ServiceAccount(
                f"{name}-{account}-account",
                metadata={"name": account, "namespace": self.namespace},
                automount_service_account_token=False,
                opts=self.child(),
            )
            for account in ACCOUNTS
        ]
        self.ready = [binding, *traffic, *accounts, *self._scripts(plan)]
        self.register_outputs({"namespace": self.namespace})

    def _scripts(self, plan: NamespacePlan) -> list[pulumi.Resource]:
        """The script that copies weights to a node, where pods do so."""
        if not plan.staging:
            return []
        return [
            k8s.core.v1.ConfigMap(
                f"{self.name}-staging",
                metadata={"name": STAGING_SCRIPT, "namespace": self.namespace},
                data={staging.SCRIPT_FILE: staging.script()},
                opts=self.child(),
            )
        ]
