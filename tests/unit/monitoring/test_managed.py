"""What AWS runs of monitoring: what is registered, and which settings are refused."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from components.aws.identity.policies import wildcards
from components.aws.network.settings import NetworkSettings
from components.monitoring.component import Monitoring
from components.monitoring.managed.component import (
    ContainerInsights,
    HyperPodObservability,
    ManagedGrafana,
    ManagedPrometheus,
)
from components.monitoring.managed.plan import workspace_endpoint, write_statements
from components.monitoring.managed.rules import rules
from components.monitoring.managed.settings import (
    ContainerInsightsSettings,
    HyperPodObservabilitySettings,
    ManagedGrafanaSettings,
    ManagedPrometheusSettings,
)
from components.monitoring.profile import remote_write
from components.monitoring.settings import MonitoringSettings
from infra.rules import platform, telemetry
from tests.support import Recording, context, run
from tests.unit.platform.test_cross_rules import settings as stack
from tests.unit.serving.builders import found

ARN = "arn:aws:aps:us-east-1:123456789012:workspace/ws-12345678-1234-1234-1234-123456789012"
CLUSTER: dict[str, Any] = {"cluster_name": "sglang-test", "kubernetes_version": "1.34"}
ADDON = "aws:eks/addon:Addon"


def existing() -> ManagedPrometheus:
    return ManagedPrometheus("amp", context(), ManagedPrometheusSettings(workspace_arn=ARN))


def policy(recording: Recording) -> list[dict[str, Any]]:
    return list(json.loads(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"])


def test_an_existing_workspace_is_not_made_again() -> None:
    assert run(existing).of_type("aws:amp/workspace:Workspace") == []
    assert workspace_endpoint(ARN) == (
        "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-12345678-1234-1234-1234-123456789012/"
    )


def test_a_workspace_outlives_a_protected_stack() -> None:
    recording = run(lambda: ManagedPrometheus("amp", context(protect=True), ManagedPrometheusSettings()))
    workspace = recording.one("aws:amp/workspace:Workspace")
    assert (workspace.protect, workspace.retain_on_delete) == (True, True)


def written() -> Recording:
    def program() -> None:
        prometheus = existing()
        Monitoring(
            "monitoring",
            context(),
            MonitoringSettings(),
            cluster_name="sglang-test",
            managed_prometheus=(prometheus.write_url, write_statements(prometheus.arn)),
        )

    return run(program, preview=False)


def test_prometheus_signs_what_it_writes_with_its_own_identity() -> None:
    recording = written()
    (endpoint,) = recording.one("kubernetes:helm.sh/v3:Release").inputs["values"]["prometheus"]["prometheusSpec"][
        "remoteWrite"
    ]
    assert endpoint["url"].endswith("/api/v1/remote_write")
    assert endpoint["sigv4"] == {"region": "us-east-1"}
    (statement,) = policy(recording)
    assert (statement["Action"], statement["Resource"]) == (["aps:RemoteWrite"], [ARN])
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert association.inputs["serviceAccount"] == "prometheus"
    assert recording.depends(recording.one("kubernetes:helm.sh/v3:Release"), association)


@pytest.mark.parametrize("traces", [True, False])
def test_managed_grafana_only_reads(traces: bool) -> None:
    recording = run(
        lambda: ManagedGrafana("amg", context(), ManagedGrafanaSettings(), prometheus=existing(), traces=traces),
        preview=False,
    )
    verbs = {action.split(":")[1] for statement in policy(recording) for action in statement["Action"]}
    assert {verb for verb in verbs if not verb.startswith(("Get", "BatchGet", "List", "Describe", "Query"))} == set()
    assert wildcards({"Statement": policy(recording)}) == []
    sources = recording.one("aws:grafana/workspace:Workspace").inputs["dataSources"]
    assert ("XRAY" in sources) is traces
    assert "PROMETHEUS" in sources


def test_container_insights_ships_no_logs_and_samples_no_gpu_unless_told() -> None:
    def configuration(**given: Any) -> dict[str, Any]:
        settings = ContainerInsightsSettings(enabled=True, **given)
        recording = run(lambda: ContainerInsights("ci", context(), settings, **CLUSTER))
        return dict(json.loads(recording.one(ADDON).inputs["configurationValues"]))

    assert configuration()["containerLogs"] == {"enabled": False}
    assert configuration()["dcgmExporter"] == {"enabled": False}
    assert configuration(gpu_metrics=True)["dcgmExporter"] == {"enabled": True}


def observability(**given: Any) -> Recording:
    settings = HyperPodObservabilitySettings(enabled=True, **given)
    return run(
        lambda: HyperPodObservability("obs", context(), settings, prometheus=existing(), **CLUSTER), preview=False
    )


def test_hyperpods_observability_measures_what_nobody_else_does() -> None:
    recording = observability()
    told = json.loads(recording.one(ADDON).inputs["configurationValues"])
    on = {name for name, provider in told["metricsProvider"].items() if provider["level"] != "DISABLED"}
    assert on == {"networkMetrics"}
    assert told["metricsProvider"]["networkMetrics"] == {"level": "ADVANCED", "scrapeInterval": 30}
    assert told["ampWorkspace"]["arn"] == ARN
    assert not told["ampWorkspace"]["prometheusEndpoint"].endswith("/")
    assert [statement["Action"] for statement in policy(recording)] == [["aps:RemoteWrite"]]


def test_its_logs_are_written_to_the_clusters_own_groups() -> None:
    _, logs = policy(observability(logs=True))
    assert logs["Resource"] == ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Clusters/*"]


def monitoring(**given: Any) -> MonitoringSettings:
    return MonitoringSettings.model_validate(given)


def test_the_profile_decides_whether_metrics_are_written_to_aws() -> None:
    assert remote_write(monitoring()) is False
    assert remote_write(monitoring(profile="aws")) is True
    assert remote_write(monitoring(profile="aws", managedPrometheus={"enabled": False})) is False
    assert remote_write(monitoring(managedPrometheus={"enabled": True})) is True


@pytest.mark.parametrize(
    ("given", "rule", "path", "message"),
    [
        (
            {"enabled": False, "managedPrometheus": {"enabled": True}},
            "managed.nobody-writes",
            "monitoring.managedPrometheus.enabled",
            "monitoring is off, so nothing would write to the workspace",
        ),
        (
            {"managedGrafana": {"enabled": True}},
            "managed.grafana-sees-nothing",
            "monitoring.managedGrafana.enabled",
            "metrics, logs and traces are all kept in the cluster, which a managed workspace does not see",
        ),
        (
            {"hyperpodObservability": {"enabled": True}},
            "managed.observability-needs-prometheus",
            "monitoring.hyperpodObservability.enabled",
            "the add-on writes to a workspace of Managed Prometheus, and there is none",
        ),
    ],
)
def test_a_broken_rule_names_path_and_fault(given: dict[str, Any], rule: str, path: str, message: str) -> None:
    (problem,) = [problem for each in rules.rules for problem in each.run("monitoring", monitoring(**given))]
    assert (problem.rule, problem.path, problem.message) == (rule, path, message)


def test_the_defaults_and_the_profile_aws_break_none() -> None:
    for given in ({}, {"profile": "aws"}, {"profile": "aws", "managedGrafana": {"enabled": True}}):
        assert [problem for each in rules.rules for problem in each.run("monitoring", monitoring(**given))] == []


def owners(**given: Any) -> list[tuple[str, str]]:
    return found(platform.rules, "platform.one-owner", stack(monitoring=monitoring(**given)))


@pytest.mark.parametrize(
    ("given", "path", "job"),
    [
        (
            {"containerInsights": {"enabled": True, "gpuMetrics": True}},
            "platform.gpuOperator.dcgmExporter",
            "sampling the GPUs' profiling counters (DCGM)",
        ),
        (
            {"hyperpodObservability": {"enabled": True, "nodeMetrics": "BASIC"}},
            "monitoring.nodeExporter",
            "the node exporter's host port 9100",
        ),
        (
            {"hyperpodObservability": {"enabled": True, "acceleratedComputeMetrics": "ADVANCED"}},
            "platform.gpuOperator.dcgmExporter",
            "sampling the GPUs' profiling counters (DCGM)",
        ),
    ],
)
def test_an_exporter_has_one_owner(given: dict[str, Any], path: str, job: str) -> None:
    ((where, message),) = owners(**given)
    assert where == path
    assert message.endswith(f"both own {job}")


def test_an_exporter_that_is_given_up_may_be_anothers() -> None:
    given = {"nodeExporter": False, "hyperpodObservability": {"enabled": True, "nodeMetrics": "BASIC"}}
    assert owners(**given) == []


def test_a_second_kube_state_metrics_is_refused() -> None:
    two = stack(platform=platform_with("kube-state-metrics"), monitoring=monitoring())
    ((path, message),) = found(platform.rules, "platform.one-owner", two)
    assert path == "platform.alsoInstalled[0]"
    assert "the state of objects as metrics" in message
    one = stack(platform=platform_with("kube-state-metrics"), monitoring=monitoring(kubeStateMetrics=False))
    assert found(platform.rules, "platform.one-owner", one) == []


def platform_with(software: str) -> Any:
    whole = stack().platform
    return type(whole).model_validate({"alsoInstalled": [software]})


def whole(**given: Any) -> Any:
    plain = {"region": "us-east-1", "protect": False, "models": [], "network": NetworkSettings()}
    cluster = SimpleNamespace(substrate=given.pop("substrate", "hyperpod"))
    return SimpleNamespace(**{**plain, "cluster": cluster, "monitoring": monitoring(), **given})


def test_hyperpods_observability_is_for_hyperpod_in_its_regions() -> None:
    on = monitoring(profile="aws", hyperpodObservability={"enabled": True})
    path = "monitoring.hyperpodObservability.enabled"
    rule = "managed.observability-substrate"
    assert found(telemetry.rules, rule, whole(monitoring=on)) == []
    assert found(telemetry.rules, rule, whole(monitoring=on, substrate="eks")) == [
        (path, "the nodes are of substrate eks")
    ]
    assert found(telemetry.rules, rule, whole(monitoring=on, region="eu-west-3")) == [
        (path, "the add-on is not offered in eu-west-3")
    ]


def test_a_workspace_of_another_region_is_refused() -> None:
    named = monitoring(managedPrometheus={"enabled": True, "workspaceArn": ARN})
    assert found(telemetry.rules, "managed.workspace-region", whole(monitoring=named, region="eu-west-1")) == [
        ("monitoring.managedPrometheus.workspaceArn", "the workspace is in us-east-1, the stack in eu-west-1")
    ]


def test_without_a_way_out_managed_prometheus_needs_its_endpoint() -> None:
    closed = NetworkSettings.model_validate({"nat": "none", "interfaceEndpoints": "closed"})
    shut = whole(monitoring=monitoring(profile="aws"), network=closed)
    assert found(telemetry.rules, "managed.out-of-reach", shut) == [
        ("monitoring.managedPrometheus.enabled", "the network has no way out, and no endpoint for aps-workspaces")
    ]


def test_settings_name_the_choices_that_there_are() -> None:
    with pytest.raises(ValueError, match="'cluster' or 'aws'"):
        monitoring(profile="gcp")
    with pytest.raises(ValueError, match="'cloudwatch' or 'loki'"):
        monitoring(logs={"destination": "elasticsearch"})
