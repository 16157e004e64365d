"""The workload's logs: what is registered, and which settings are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.network.settings import NetworkSettings
from components.base import Context
from components.monitoring.datasources import data_sources, reading_statements
from components.monitoring.logs.component import Logs
from components.monitoring.logs.plan import LogPlan, Writer, plan_logs
from components.monitoring.logs.rules import rules
from components.monitoring.logs.settings import LogDestination, LogSettings
from components.monitoring.profile import log_destination, pods_of_a_node
from components.monitoring.settings import MonitoringSettings
from infra.rules import telemetry
from tests.support import Recorded, Recording, context, run
from tests.unit.serving.builders import found, model, stack

RELEASE = "kubernetes:helm.sh/v3:Release"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"


def plan(destination: LogDestination, **settings: Any) -> LogPlan:
    writers = [Writer("r1", {"model": "r1", "role": "serve"}, ranked=True)]
    return plan_logs(
        LogSettings(**settings), destination, cluster_name="sglang-test", namespaces=["inference"], writers=writers
    )


def logs(
    destination: LogDestination,
    ctx: Context | None = None,
    monitoring: str | None = "monitoring",
    preview: bool = True,
    **settings: Any,
) -> Recording:
    return run(
        lambda: Logs(
            "logs",
            ctx or context(),
            plan(destination, **settings),
            cluster_name="sglang-test",
            storage_class="gp3",
            node_selector={"pool": "system"},
            tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}],
            monitoring_namespace=monitoring,
        ),
        preview=preview,
    )


def release(recording: Recording, chart: str) -> Recorded:
    (made,) = [each for each in recording.of_type(RELEASE) if each.inputs["chart"] == chart]
    return made


def policy(recording: Recording, namespace: str, name: str) -> dict[str, Any]:
    wanted = {"name": name, "namespace": namespace}
    (made,) = [each for each in recording.of_type(POLICY) if each.inputs["metadata"] == wanted]
    return dict(made.inputs["spec"])


def test_cloudwatch_keeps_them_for_the_days_of_the_settings() -> None:
    group = logs("cloudwatch", retention_days=14).one("aws:cloudwatch/logGroup:LogGroup")
    assert (group.inputs["name"], group.inputs["retentionInDays"]) == ("/sglang-hyperpod/sglang-test/workload", 14)


@pytest.mark.parametrize("protect", [True, False])
def test_what_production_wrote_outlives_the_stack(protect: bool) -> None:
    group = logs("cloudwatch", context(protect=protect)).one("aws:cloudwatch/logGroup:LogGroup")
    bucket = logs("loki", context(protect=protect)).one("aws:s3/bucket:Bucket")
    assert group.inputs["skipDestroy"] is protect
    assert (bucket.protect, bucket.retain_on_delete) == (protect, protect)
    assert bucket.inputs["forceDestroy"] is not protect


def test_the_shipper_may_write_its_own_streams_and_nothing_else() -> None:
    recording = logs("cloudwatch", preview=False)
    statements = json.loads(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]
    assert [statement["Action"] for statement in statements] == [["logs:CreateLogStream", "logs:PutLogEvents"]]
    assert all("*" not in statement["Resource"] for statement in statements)
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("fluent-bit", "fluent-bit")
    assert recording.depends(release(recording, "fluent-bit"), association)


def test_the_shipper_reads_its_nodes_logs_and_writes_only_its_own_state() -> None:
    values = release(logs("cloudwatch"), "fluent-bit").inputs["values"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in values["daemonSetVolumes"]}
    writable = [mount["name"] for mount in values["daemonSetVolumeMounts"] if not mount.get("readOnly")]
    assert paths == {"logs": "/var/log", "state": "/var/lib/sglang-hyperpod/fluent-bit"}
    assert writable == ["state"]
    assert values["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["rbac"] == {"create": False}
    assert values["serviceAccount"]["automountServiceAccountToken"] is False


def test_the_shipper_runs_where_engines_do() -> None:
    tolerations = release(logs("cloudwatch"), "fluent-bit").inputs["values"]["tolerations"]
    assert [each["key"] for each in tolerations] == ["nvidia.com/gpu", "sagemaker.amazonaws.com/node-health-status"]


def test_only_the_shipper_has_a_privileged_namespace() -> None:
    rooms = logs("loki").of_type(NAMESPACE)
    levels = {
        room.inputs["metadata"]["name"]: room.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for room in rooms
    }
    assert levels == {"loki": "restricted", "fluent-bit": "privileged"}


@pytest.mark.parametrize("namespace", ["loki", "fluent-bit"])
def test_their_namespaces_are_closed_until_something_is_opened(namespace: str) -> None:
    recording = logs("loki")
    assert policy(recording, namespace, "deny-all")["podSelector"] == {}
    assert "egress" in policy(recording, namespace, "allow-dns")
    pods = release(recording, namespace)
    policies = [each for each in recording.of_type(POLICY) if each.inputs["metadata"]["namespace"] == namespace]
    assert all(recording.depends(pods, each) for each in policies)


def test_loki_is_open_to_the_shipper_prometheus_and_grafana() -> None:
    (opening, *_) = policy(logs("loki"), "loki", "loki")["ingress"]
    peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in opening["from"]]
    assert (peers, opening["ports"][0]["port"]) == (["fluent-bit", "prometheus", "grafana"], 3100)


def test_the_shipper_reaches_loki_and_nothing_in_aws() -> None:
    egress = policy(logs("loki"), "fluent-bit", "fluent-bit")["egress"]
    assert [each["ports"][0]["port"] for each in egress] == [3100]
    assert logs("loki").of_type("aws:cloudwatch/logGroup:LogGroup") == []


def test_lokis_bucket_is_private_encrypted_and_forgets() -> None:
    recording = logs("loki", retention_days=30)
    (rule,) = recording.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert rule["expiration"] == {"days": 37}
    blocked = recording.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert {blocked[key] for key in blocked if key.startswith(("block", "ignore", "restrict"))} == {True}
    assert recording.of_type("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    values = release(recording, "loki").inputs["values"]["loki"]
    assert values["limits_config"]["retention_period"] == "720h"


def test_without_prometheus_nothing_asks_for_its_kinds() -> None:
    recording = logs("loki", monitoring=None)
    assert release(recording, "fluent-bit").inputs["values"]["serviceMonitor"] == {"enabled": False}
    assert release(recording, "loki").inputs["values"]["monitoring"]["serviceMonitor"] == {"enabled": False}
    assert "ingress" not in policy(recording, "fluent-bit", "fluent-bit")


def monitoring(**given: Any) -> MonitoringSettings:
    return MonitoringSettings.model_validate(given)


@pytest.mark.parametrize(
    ("given", "destination"),
    [
        ({}, None),
        ({"profile": "aws"}, None),
        ({"logs": {"enabled": True}}, "loki"),
        ({"profile": "aws", "logs": {"enabled": True}}, "cloudwatch"),
        ({"profile": "aws", "logs": {"enabled": True, "destination": "loki"}}, "loki"),
    ],
)
def test_the_profile_decides_unless_the_settings_do(given: dict[str, Any], destination: str | None) -> None:
    assert log_destination(monitoring(**given)) == destination
    assert pods_of_a_node(monitoring(**given)) == (["fluent-bit"] if destination else [])


def test_cloudwatch_has_no_retention_of_31_days() -> None:
    (rule,) = [rule for rule in rules.rules if rule.id == "logs.retention-step"]
    settings = monitoring(profile="aws", logs={"enabled": True, "retentionDays": 31})
    (problem,) = rule.run("monitoring", settings)
    assert (problem.path, problem.fix) == ("monitoring.logs.retentionDays", "set retentionDays to 30 or 60")
    assert problem.message == "CloudWatch Logs has no retention of 31 days"
    assert list(rule.run("monitoring", monitoring(logs={"enabled": True, "retentionDays": 31}))) == []


def test_a_protected_stack_keeps_its_logs() -> None:
    assert [
        path
        for path, _ in found(
            telemetry.rules,
            "logs.off-in-production",
            stack(model(), protect=True, network=NetworkSettings(), monitoring=monitoring()),
        )
    ] == ["monitoring.logs.enabled"]
    kept = stack(model(), protect=True, network=NetworkSettings(), monitoring=monitoring(logs={"enabled": True}))
    assert found(telemetry.rules, "logs.off-in-production", kept) == []


def test_grafana_finds_the_logs_where_they_are() -> None:
    (loki,) = data_sources(plan("loki"), None, region="us-east-1", xray_plugin=True)
    (cloudwatch,) = data_sources(plan("cloudwatch"), None, region="us-east-1", xray_plugin=True)
    assert (loki["type"], loki["url"]) == ("loki", "http://loki.loki.svc.cluster.local:3100")
    assert (cloudwatch["type"], cloudwatch["jsonData"]["defaultRegion"]) == ("cloudwatch", "us-east-1")
    assert data_sources(None, None, region="us-east-1", xray_plugin=True) == []


def test_grafana_reads_the_events_of_this_log_group_alone() -> None:
    narrow, *wide = reading_statements(plan("cloudwatch"), None, region="us-east-1", xray_plugin=True)
    assert narrow["Resource"] == ["arn:aws:logs:us-east-1:*:log-group:/sglang-hyperpod/sglang-test/workload:*"]
    actions = [action.split(":")[1] for statement in wide for action in statement["Action"]]
    assert [action for action in actions if not action.startswith(("Describe", "Get", "List"))] == []
    assert reading_statements(plan("loki"), None, region="us-east-1", xray_plugin=True) == []
