"""What the platform's components register."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.base import Context
from components.platform.efa.component import EfaPlugin
from components.platform.efa.settings import EfaSettings
from components.platform.efa.values import values as efa_values
from components.platform.gpu_operator.component import GpuOperator
from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.keda.component import Keda
from components.platform.keda.settings import KedaSettings
from components.platform.load_balancer.component import LoadBalancerController
from components.platform.load_balancer.policy import VERSION
from components.platform.load_balancer.settings import LoadBalancerSettings
from components.platform.lws.component import LeaderWorkerSetController
from components.platform.lws.settings import LwsSettings
from tests.support import Recorded, Recording, context, run

RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
SYSTEM = {"sglang-hyperpod/pool": "system"}


def released(program: Callable[[], Any]) -> tuple[Recording, Recorded]:
    recording = run(program)
    return recording, recording.one(RELEASE)


def efa(*types: str) -> Recorded:
    _, release = released(
        lambda: EfaPlugin("efa", context(), EfaSettings(), instance_types=types, tolerations=[GPU_TAINT])
    )
    return release


def gpu_operator(substrate: Any, **settings: Any) -> dict[str, Any]:
    chosen = GpuOperatorSettings(**settings)
    _, release = released(
        lambda: GpuOperator("gpu", context(), chosen, substrate=substrate, tolerations=[GPU_TAINT], metrics=True)
    )
    return dict(release.inputs["values"])


def test_the_efa_plugin_runs_on_exactly_the_given_types() -> None:
    labels = efa("p5.48xlarge", "g6.12xlarge", "p5.48xlarge").inputs["values"]["supportedInstanceLabels"]
    assert labels == {"keys": ["node.kubernetes.io/instance-type"], "values": ["g6.12xlarge", "p5.48xlarge"]}


def test_the_efa_plugin_names_chart_and_image() -> None:
    release = efa("p5.48xlarge")
    assert release.inputs["version"] == "v0.5.30"
    assert release.inputs["values"]["image"] == {
        "repository": "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/aws-efa-k8s-device-plugin",
        "tag": "v0.5.20",
    }


def test_the_efa_plugin_tolerates_the_pools_taints_and_hyperpods_own() -> None:
    assert efa("p5.48xlarge").inputs["values"]["tolerations"] == [GPU_TAINT]
    health = efa("ml.p5.48xlarge").inputs["values"]["tolerations"][1]
    assert health == {"key": "sagemaker.amazonaws.com/node-health-status", "operator": "Exists"}


def test_the_efa_plugin_waits_for_no_gpu_node() -> None:
    assert efa("p5.48xlarge").inputs["skipAwait"] is True


def test_the_efa_plugin_is_not_made_for_no_types() -> None:
    with pytest.raises(ValueError, match="at least one instance type"):
        efa_values(EfaSettings(), region="us-east-1", instance_types=[], tolerations=[])


def test_an_unknown_region_takes_the_charts_own_registry() -> None:
    image = efa_values(EfaSettings(), region="ap-east-2", instance_types=["p5.48xlarge"], tolerations=[])["image"]
    assert image["repository"].startswith("602401143452.dkr.ecr.us-west-2.amazonaws.com/")


@pytest.mark.parametrize(("substrate", "toolkit"), [("eks", False), ("hyperpod", True)])
def test_the_toolkit_is_the_operators_on_hyperpod_only(substrate: str, toolkit: bool) -> None:
    assert gpu_operator(substrate)["toolkit"] == {"enabled": toolkit}


def test_the_gpu_operator_installs_no_driver_and_advertises_gpus() -> None:
    values = gpu_operator("eks")
    assert (values["driver"], values["devicePlugin"]) == ({"enabled": False}, {"enabled": True})


def test_the_gpu_operators_pods_tolerate_the_pools_taints() -> None:
    values = gpu_operator("eks")
    assert values["daemonsets"]["tolerations"] == [GPU_TAINT]
    assert values["node-feature-discovery"]["worker"]["tolerations"] == [GPU_TAINT]


def test_the_dcgm_exporter_is_scraped_at_the_interval() -> None:
    exporter = gpu_operator("eks", dcgm_interval_seconds=5)["dcgmExporter"]
    assert exporter == {
        "enabled": True,
        "serviceMonitor": {"enabled": True, "interval": "5s", "scrapeTimeout": "5s"},
    }


def test_the_gpu_operator_has_a_privileged_namespace_of_its_own() -> None:
    recording, release = released(
        lambda: GpuOperator("gpu", context(), GpuOperatorSettings(), substrate="eks", tolerations=[])
    )
    room = recording.one(NAMESPACE)
    assert room.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert release.inputs["namespace"] == room.inputs["metadata"]["name"] == "gpu-operator"
    assert recording.depends(release, room)


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (lambda: LeaderWorkerSetController("lws", context(), LwsSettings()), "lws-system"),
        (lambda: Keda("keda", context(), KedaSettings()), "keda"),
    ],
    ids=["lws", "keda"],
)
def test_controllers_have_restricted_namespaces_of_their_own(program: Callable[[], Any], name: str) -> None:
    recording, release = released(program)
    room = recording.one(NAMESPACE)
    assert room.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert release.inputs["namespace"] == room.inputs["metadata"]["name"] == name
    assert recording.depends(release, room)


def test_leader_worker_set_is_called_lws_with_a_pinned_image_and_two_replicas() -> None:
    _, release = released(lambda: LeaderWorkerSetController("x", context(), LwsSettings()))
    manager = release.inputs["values"]["image"]["manager"]
    assert release.inputs["name"] == "lws"
    assert f"{manager['repository']}:{manager['tag']}" == "registry.k8s.io/lws/lws:v0.10.0"
    assert release.inputs["values"]["replicaCount"] == 2


def test_keda_keeps_its_crds_and_scales_leader_worker_sets_only() -> None:
    _, release = released(lambda: Keda("keda", context(), KedaSettings()))
    values = release.inputs["values"]
    assert values["crds"]["additionalAnnotations"] == {"helm.sh/resource-policy": "keep"}
    assert values["rbac"]["scaledRefKinds"] == [{"apiGroup": "leaderworkerset.x-k8s.io", "kind": "leaderworkersets"}]


def load_balancer(**settings: Any) -> Recording:
    def program() -> None:
        LoadBalancerController(
            "load-balancer",
            context(),
            LoadBalancerSettings(**settings),
            cluster_name="sglang-test",
            vpc_id=pulumi.Output.from_input("vpc-1"),
            node_selector=SYSTEM,
        )

    return run(program)


def test_the_load_balancer_controller_needs_no_metadata_service() -> None:
    values = load_balancer().one(RELEASE).inputs["values"]
    assert (values["region"], values["vpcId"], values["clusterName"]) == ("us-east-1", "vpc-1", "sglang-test")


def test_services_do_not_wait_for_the_load_balancer_controller() -> None:
    assert load_balancer().one(RELEASE).inputs["values"]["enableServiceMutatorWebhook"] is False


def test_the_load_balancer_controllers_certificate_outlives_upgrades() -> None:
    assert load_balancer().one(RELEASE).inputs["values"]["keepTLSSecret"] is True


def test_the_load_balancer_controller_starts_with_its_credentials() -> None:
    recording = load_balancer()
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    service_account = recording.one(RELEASE).inputs["values"]["serviceAccount"]["name"]
    assert association.inputs["serviceAccount"] == service_account
    assert association.inputs["namespace"] == recording.one(RELEASE).inputs["namespace"] == "kube-system"
    assert recording.depends(recording.one(RELEASE), association)


def test_the_load_balancer_policy_is_that_of_the_controllers_release() -> None:
    recording = load_balancer()
    policy = json.loads(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    assert len(policy["Statement"]) == 16
    assert f"v{recording.one(RELEASE).inputs['version']}" == VERSION


@pytest.mark.parametrize(("region", "partition"), [("us-east-1", "aws"), ("us-gov-west-1", "aws-us-gov")])
def test_the_load_balancer_policy_names_resources_of_the_regions_partition(region: str, partition: str) -> None:
    def program() -> None:
        ctx = Context("test", region, "sglang-test", protect=False)
        LoadBalancerController("lb", ctx, LoadBalancerSettings(), cluster_name="sglang-test", vpc_id="vpc-1")

    policy = json.loads(run(program).one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    named = [arn for statement in policy["Statement"] for arn in _listed(statement["Resource"]) if arn != "*"]
    assert named
    assert {arn.split(":")[1] for arn in named} == {partition}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_firewall_is_not_asked_where_it_cannot_be_reached() -> None:
    values = load_balancer(firewall=False).one(RELEASE).inputs["values"]
    assert [values["enableShield"], values["enableWaf"], values["enableWafv2"]] == [False, False, False]


def test_controllers_run_on_the_system_pool() -> None:
    assert load_balancer().one(RELEASE).inputs["values"]["nodeSelector"] == SYSTEM


def test_without_monitoring_no_chart_makes_a_kind_that_is_not_there() -> None:
    _, lws = released(lambda: LeaderWorkerSetController("lws", context(), LwsSettings(), metrics=False))
    _, keda = released(lambda: Keda("keda", context(), KedaSettings(), metrics=False))
    assert lws.inputs["values"]["enablePrometheus"] is False
    assert keda.inputs["values"]["prometheus"]["operator"]["serviceMonitor"] == {"enabled": False}
    assert load_balancer().one(RELEASE).inputs["values"]["serviceMonitor"] == {"enabled": False}


def test_a_drain_leaves_a_leader_worker_set_controller() -> None:
    recording, _ = released(lambda: LeaderWorkerSetController("lws", context(), LwsSettings()))
    budget = recording.one("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"]["app.kubernetes.io/name"] == "lws"
