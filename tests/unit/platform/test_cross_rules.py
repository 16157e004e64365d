"""Rules between the platform and the rest: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from components.aws.eks.settings import ClusterSettings, Substrate
from components.aws.network.settings import NetworkSettings
from components.aws.nodes.settings import NodePool
from components.monitoring.settings import GrafanaSettings, MonitoringSettings
from components.platform.efa.settings import EfaSettings
from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.load_balancer.settings import LoadBalancerSettings
from components.platform.lws.settings import LwsSettings
from components.platform.owners import JOBS, Job, Software
from components.platform.settings import PlatformSettings
from components.rules import Problem, Severity
from components.serving.entry.settings import EntrySettings
from components.serving.settings import ModelSettings
from infra.rules.platform import rules

PHASE = {"nodePool": "gpu", "nodesPerGroup": 2, "parallelism": {"tensor": 16}}


def settings(*, instance_type: str = "p5.48xlarge", **sections: Any) -> Any:
    """A stack's settings as far as these rules read them: one pool, one model over two nodes."""
    pool = NodePool(name="gpu", instance_type=instance_type, nodes=2, zone="use1-az4")
    model = ModelSettings(
        name="r1",
        model="deepseek-ai/DeepSeek-R1",
        node_pool="gpu",
        nodes_per_group=2,
        entry=sections.pop("entry", None),
    )
    whole = {
        "region": "us-east-1",
        "network": NetworkSettings(zones=["use1-az4", "use1-az6"]),
        "cluster": ClusterSettings(name="c", substrate=Substrate.EKS),
        "node_pools": [pool],
        "file_system": None,
        "models": [model],
        "gateway": None,
        "platform": PlatformSettings(),
        "monitoring": MonitoringSettings(),
        "secrets": [],
    }
    return SimpleNamespace(**whole | sections)


def problems(**sections: Any) -> list[Problem]:
    return [problem for rule in rules.rules for problem in rule.run("", settings(**sections))]


def test_plain_settings_break_no_rule() -> None:
    assert problems() == []


def test_a_disaggregated_set_needs_a_controller_that_knows_it() -> None:
    split = {"transport": "mooncake-tcp", "kind": "DisaggregatedSet", "prefill": PHASE, "decode": PHASE}
    apart = ModelSettings.model_validate({"name": "r1", "model": "a/b", "disaggregation": split, "router": {}})
    old = LwsSettings(chart_version="0.9.0", image_tag="v0.9.0")
    (problem,) = problems(models=[apart], platform=PlatformSettings(lws=old))
    assert (problem.rule, problem.path) == ("lws.disaggregated-set", "platform.lws.chartVersion")
    assert problem.message == "r1 of kind DisaggregatedSet needs LeaderWorkerSet 0.10.0, not 0.9.0"
    assert problem.fix == "use 0.10.0, or disaggregation.kind: LeaderWorkerSet"
    assert problems(models=[apart]) == []


@pytest.mark.parametrize(
    ("sections", "rule", "path", "message", "fix"),
    [
        (
            {"platform": PlatformSettings(gpu_operator=GpuOperatorSettings(toolkit=True))},
            "gpu-operator.toolkit-on-eks",
            "platform.gpuOperator.toolkit",
            "has the toolkit",
            "set it to false",
        ),
        (
            {
                "cluster": ClusterSettings(name="c", substrate=Substrate.HYPERPOD),
                "platform": PlatformSettings(gpu_operator=GpuOperatorSettings(toolkit=False)),
            },
            "gpu-operator.toolkit-on-hyperpod",
            "platform.gpuOperator.toolkit",
            "AWS runs the GPU operator on HyperPod with its toolkit",
            "set it to true",
        ),
        (
            {
                "instance_type": "ml.p6-b200.48xlarge",
                "platform": PlatformSettings(efa=EfaSettings(chart_version="v0.5.17", image_tag="v0.5.9")),
            },
            "efa.p6-b200-image",
            "platform.efa.imageTag",
            "image v0.5.9 takes NVLink devices of node pool gpu (ml.p6-b200.48xlarge) for EFA",
            "v0.5.10 or newer",
        ),
        (
            {"platform": PlatformSettings(efa=EfaSettings(enabled=False))},
            "efa.off-with-groups",
            "platform.efa.enabled",
            "model r1 spans 2 p5.48xlarge nodes",
            "set platform.efa.enabled: true",
        ),
        (
            {"region": "ap-east-2"},
            "efa.registry-region",
            "platform.efa.imageRepository",
            "no registry of EKS images is known for ap-east-2",
            "set imageRepository",
        ),
        (
            {
                "entry": EntrySettings(),
                "platform": PlatformSettings(load_balancer=LoadBalancerSettings(enabled=False)),
            },
            "load-balancer.entry-without-controller",
            "models[0].entry",
            "nothing would make a load balancer for model r1",
            "set platform.loadBalancer.enabled: true",
        ),
        (
            {"network": NetworkSettings.model_validate({"zones": ["use1-az4", "use1-az6"], "nat": "none"})},
            "load-balancer.firewall-in-closed-network",
            "platform.loadBalancer.firewall",
            "WAF and Shield",
            "set platform.loadBalancer.firewall: false",
        ),
        (
            {"monitoring": MonitoringSettings(enabled=False)},
            "keda.nothing-to-ask",
            "platform.keda.enabled",
            "monitoring is off",
            "platform.keda.enabled: false",
        ),
        (
            {"platform": PlatformSettings(gpu_operator=GpuOperatorSettings(dcgm_exporter=False))},
            "monitoring.no-gpu-metrics",
            "platform.gpuOperator.dcgmExporter",
            "no one measures the GPUs",
            "set platform.gpuOperator.dcgmExporter: true",
        ),
        (
            {"monitoring": MonitoringSettings(grafana=GrafanaSettings(admin_password_secret="grafana"))},
            "monitoring.unknown-secret",
            "monitoring.grafana.adminPasswordSecret",
            "the stack has no secret grafana",
            "pulumi config set --secret grafana",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)
def test_a_bad_setting_is_told(sections: dict[str, Any], rule: str, path: str, message: str, fix: str) -> None:
    (problem,) = [problem for problem in problems(**sections) if problem.rule == rule]
    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix


def owners(software: str, **rooms: Any) -> list[Problem]:
    platform = PlatformSettings.model_validate({"alsoInstalled": [software], **rooms})
    return [problem for problem in problems(platform=platform) if problem.rule == "platform.one-owner"]


def test_two_owners_of_the_external_metrics_api_are_refused() -> None:
    first, second = owners("hyperpod-inference-operator")
    assert (first.path, first.severity) == ("platform.alsoInstalled[0]", Severity.ERROR)
    assert "both own Ingresses" in first.message
    assert "hyperpod-inference-operator and this stack's KEDA both own the external metrics API" in second.message
    assert second.fix == (
        "set platform.keda.enabled: false, or configure the add-on with alb.enabled=false and keda.enabled=false"
    )


def test_a_job_given_up_leaves_one_owner() -> None:
    (problem,) = owners("hyperpod-inference-operator", keda={"enabled": False})
    assert "Ingresses" in problem.message
    assert owners("hyperpod-inference-operator", keda={"enabled": False}, loadBalancer={"enabled": False}) == []


def test_the_device_plugins_of_the_hyperpod_chart_are_refused() -> None:
    assert {problem.message.partition(" both own ")[2] for problem in owners("hyperpod-device-plugins")} == {
        "advertising nvidia.com/gpu",
        "advertising vpc.amazonaws.com/efa",
    }


def test_two_strangers_with_one_job_are_told_as_well() -> None:
    platform = PlatformSettings.model_validate(
        {"alsoInstalled": ["keda", "prometheus-adapter"], "keda": {"enabled": False}}
    )
    (problem,) = problems(platform=platform)
    assert problem.path == "platform.alsoInstalled[1]"
    assert "prometheus-adapter and keda both own" in problem.message


def test_another_owner_of_ingresses_serves_entries() -> None:
    platform = PlatformSettings.model_validate(
        {"alsoInstalled": ["aws-load-balancer-controller"], "loadBalancer": {"enabled": False}}
    )
    assert problems(platform=platform, entry=EntrySettings()) == []


@pytest.mark.parametrize("software", sorted(JOBS))
def test_what_does_a_job_of_this_stack_is_refused_beside_it(software: Software) -> None:
    platform = PlatformSettings.model_validate({"alsoInstalled": [software]})
    told = [problem.path for problem in problems(platform=platform, file_system=object())]
    queues_only = JOBS[software] == {Job.QUEUES}
    assert set(told) == (set() if queues_only else {"platform.alsoInstalled[0]"})
