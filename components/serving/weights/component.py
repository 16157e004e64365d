"""The weights job of one model."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from components.base import Component, Context
from components.serving.network.policies import https_out
from components.serving.plan import ModelPlan
from components.serving.weights.job import SCRIPT_FILE, TOKEN_KEY, fetches, job, job_minutes, labels, script


class WeightsPrefetch(Component):
    """Completes a model's folder on the shared file system before any engine starts, without a GPU.

    `claim_name` is a plain name; `token` the Hugging Face token, which nothing else in the stack gets. `vpc_cidrs` are
    the networks that the job must not reach over HTTPS, unless the hub's mirror may be there. `after` is what the job
    waits for beside its inputs: the bound claim, and the namespace's policies.
    """

    token = "sglang-hyperpod:serving:WeightsPrefetch"

    ready: list[pulumi.Resource]
    """The job, which is done when it exists: what engines must wait for."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        plan: ModelPlan,
        *,
        namespace: pulumi.Input[str],
        claim_name: str,
        token: pulumi.Input[str] | None = None,
        vpc_cidrs: Sequence[str] = (),
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        object_name = f"{plan.name}-weights"
        config_map = k8s.core.v1.ConfigMap(
            f"{name}-script",
            metadata={"name": object_name, "namespace": namespace},
            data={SCRIPT_FILE: script()},
            opts=self.child(),
        )
        needed: list[pulumi.Resource] = [config_map, *after]
        if token is not None:
            secret = k8s.core.v1.Secret(
                f"{name}-token",
                metadata={"name": object_name, "namespace": namespace},
                string_data={TOKEN_KEY: pulumi.Output.secret(token)},
                opts=self.child(),
            )
            needed.append(secret)
        if fetches(plan):
            # A job that starts before it may talk to the hub fails at once.
            needed.append(self._policy(name, plan, namespace, vpc_cidrs))
        job_resource = k8s.batch.v1.Job(
            f"{name}-job",
            metadata={
                "name": object_name,
                "namespace": namespace,
                "annotations": {"pulumi.com/replaceUnready": "true"},
            },
            spec=job(
                plan,
                claim_name=claim_name,
                config_map=object_name,
                token_secret=object_name if token is not None else None,
            ),
            opts=self.child(
                # The script, the token and the claim are mounted by plain name.
                depends_on=needed,
                delete_before_replace=True,
                # A job that is done has no use for a new engine image, which would replace it before each rollout.
                ignore_changes=["spec.template.spec.containers[0].image"],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{job_minutes(plan.weights.size_gib)}m"),
            ),
        )
        self.ready = [job_resource]
        self.register_outputs({"folder": plan.weights.model_path})

    def _policy(
        self, name: str, plan: ModelPlan, namespace: pulumi.Input[str], vpc_cidrs: Sequence[str]
    ) -> k8s.networking.v1.NetworkPolicy:
        inside = () if plan.weights.endpoint else vpc_cidrs
        return k8s.networking.v1.NetworkPolicy(
            f"{name}-egress",
            metadata={"name": f"{plan.name}-weights", "namespace": namespace},
            spec=https_out(labels(plan), pod_identity=False, inside=inside),
            opts=self.child(),
        )
