"""Traces: what is registered, what engines and routers are told, and which settings are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.identity.policies import wildcards
from components.aws.network.settings import NetworkSettings
from components.facts import pins
from components.facts.engines import SUPPORTED
from components.monitoring.datasources import data_sources, plugins, reading_statements, trace_source
from components.monitoring.profile import is_traced, trace_destination
from components.monitoring.settings import MonitoringSettings
from components.monitoring.traces.collector import config
from components.monitoring.traces.component import Traces
from components.monitoring.traces.plan import COLLECTOR_ENDPOINT, TracePlan
from components.monitoring.traces.rules import rules
from components.monitoring.traces.settings import TraceDestination, TraceSettings
from components.monitoring.values import values as prometheus_values
from components.serving.settings import ModelSettings
from components.serving.tracing import traced
from infra.rules import telemetry
from tests.support import Recorded, Recording, context, run
from tests.unit.monitoring.test_logs import plan as log_plan
from tests.unit.serving.builders import QWEN_8B, found, model, plan, stack

RELEASE = "kubernetes:helm.sh/v3:Release"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def trace_plan(destination: TraceDestination, **settings: Any) -> TracePlan:
    return TracePlan(TraceSettings(**settings), destination, ("inference", "routers"))


def traces(destination: TraceDestination, monitoring: str | None = "monitoring", *, preview: bool = True) -> Recording:
    return run(
        lambda: Traces(
            "traces",
            context(),
            trace_plan(destination),
            cluster_name="sglang-test",
            storage_class="gp3",
            node_selector={"pool": "system"},
            monitoring_namespace=monitoring,
        ),
        preview=preview,
    )


def policies(recording: Recording) -> dict[tuple[str, str], dict[str, Any]]:
    made = recording.of_type(POLICY)
    return {
        (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"]): each.inputs["spec"] for each in made
    }


def releases(recording: Recording) -> dict[str, Recorded]:
    return {each.inputs["chart"]: each for each in recording.of_type(RELEASE)}


def pipelines(destination: TraceDestination = "tempo", **settings: Any) -> dict[str, Any]:
    return dict(config(trace_plan(destination, **settings), "us-east-1")["service"]["pipelines"])


def test_the_collector_is_one_since_all_spans_of_a_trace_must_meet() -> None:
    values = releases(traces("tempo"))["opentelemetry-collector"].inputs["values"]
    assert (values["mode"], values["replicaCount"]) == ("deployment", 1)


def test_a_trace_is_kept_for_an_error_for_its_length_or_by_chance() -> None:
    made = config(trace_plan("tempo", slow_seconds=2.5, sample_percent=1), "us-east-1")
    errors, answered, slow, share = made["processors"]["tail_sampling"]["policies"]
    assert errors["status_code"] == {"status_codes": ["ERROR"]}
    assert answered["string_attribute"]["key"] == "status_code"
    assert slow["latency"] == {"threshold_ms": 2500}
    assert share["probabilistic"] == {"sampling_percentage": 1}


def test_metrics_are_made_of_all_spans_and_carry_the_exemplars() -> None:
    made = config(trace_plan("tempo"), "us-east-1")
    assert "tail_sampling" in pipelines()["traces"]["processors"]
    assert "tail_sampling" not in pipelines()["traces/measured"]["processors"]
    assert pipelines()["metrics"] == {"receivers": ["span_metrics"], "processors": [], "exporters": ["prometheus"]}
    assert made["connectors"]["span_metrics"]["exemplars"] == {"enabled": True}
    assert made["exporters"]["prometheus"]["enable_open_metrics"] is True


@pytest.mark.parametrize("destination", ["tempo", "xray"])
def test_every_part_of_a_pipeline_is_configured(destination: TraceDestination) -> None:
    made = config(trace_plan(destination), "us-east-1")
    defaults = {"processors": {"batch", "memory_limiter"}}
    for name, pipeline in pipelines(destination).items():
        if pipeline is None:
            continue
        for kind in ("receivers", "processors", "exporters"):
            known = {part for part, settings in made[kind].items() if settings is not None} | defaults.get(kind, set())
            assert set(pipeline[kind]) - known - set(made["connectors"]) == set(), name


def test_names_of_spans_are_shared_by_requests() -> None:
    assert config(trace_plan("xray"), "us-east-1")["exporters"]["awsxray"]["indexed_attributes"] == [
        "rid",
        "request_id",
    ]
    (statements,) = config(trace_plan("xray"), "us-east-1")["processors"]["transform"]["trace_statements"]
    assert len(statements["statements"]) == 2


def test_xray_may_be_written_and_nothing_else() -> None:
    document = traces("xray", preview=False).one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    (statement,) = json.loads(document)["Statement"]
    assert statement["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    assert wildcards(document) == []
    assert set(releases(traces("xray"))) == {"opentelemetry-collector"}


def test_tempo_keeps_blocks_in_its_own_bucket() -> None:
    recording = traces("tempo", preview=False)
    document = json.loads(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    resources = {resource for statement in document["Statement"] for resource in statement["Resource"]}
    bucket = recording.one("aws:s3/bucket:Bucket")
    assert len(resources) == 2
    assert bucket.inputs["bucketPrefix"] == "sglang-test-tempo-"
    assert recording.depends(
        releases(recording)["tempo"], recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    )


def test_senders_reach_the_collector_and_only_it() -> None:
    made = policies(traces("tempo"))
    for namespace in ("inference", "routers"):
        (opening,) = made[namespace, "traces"]["egress"]
        assert opening["ports"] == [{"protocol": "TCP", "port": 4317}]
        assert opening["to"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "opentelemetry-collector"}
        assert made[namespace, "traces"]["policyTypes"] == ["Egress"]
    assert ("traces", "deny-all") in made


def test_the_collector_takes_spans_from_the_senders_and_shows_metrics_to_prometheus() -> None:
    spans, *metrics = policies(traces("tempo"))["traces", "collector"]["ingress"]
    names = [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in spans["from"]]
    assert names == ["inference", "routers"]
    assert [opening["ports"][0]["port"] for opening in metrics] == [8888, 8889]


def test_without_prometheus_nothing_asks_for_its_kinds() -> None:
    recording = traces("tempo", monitoring=None)
    assert len(policies(recording)["traces", "collector"]["ingress"]) == 1
    assert all(not each.inputs["values"]["serviceMonitor"]["enabled"] for each in recording.of_type(RELEASE))


@pytest.mark.parametrize("version", SUPPORTED)
def test_engines_of_every_release_are_told_where_to_send_spans(version: str) -> None:
    image = {"repository": "lmsysorg/sglang", "tag": f"v{version}"}
    made = traced(plan(QWEN_8B, engine={"version": version, "image": image}), COLLECTOR_ENDPOINT)
    for group in made.groups:
        arguments = list(group.arguments)
        assert "--enable-trace" in arguments
        assert arguments[arguments.index("--otlp-traces-endpoint") + 1] == COLLECTOR_ENDPOINT
        assert arguments[arguments.index("--log-requests-level") + 1] == "0"


def test_the_router_sends_spans_too() -> None:
    made = traced(plan(router={}), COLLECTOR_ENDPOINT)
    assert made.router is not None
    assert made.router.arguments[:3] == ("--enable-trace", "--otlp-traces-endpoint", COLLECTOR_ENDPOINT)


def test_the_users_own_request_log_stays() -> None:
    made = traced(plan(arguments={"log-requests": True, "log-requests-level": 1}), COLLECTOR_ENDPOINT)
    assert made.front.arguments.count("--log-requests") == 1
    assert "--log-requests-format" not in made.front.arguments


def whole(*models: ModelSettings, **sections: Any) -> Any:
    sections.setdefault("network", NetworkSettings())
    return stack(*models, **sections)


def monitoring(**given: Any) -> MonitoringSettings:
    return MonitoringSettings.model_validate(given)


def test_only_the_named_models_are_traced() -> None:
    settings = monitoring(traces={"enabled": True, "models": ["r1"]})
    assert [is_traced(settings, name) for name in ("r1", "other")] == [True, False]
    assert is_traced(monitoring(), "r1") is False


def test_the_profile_decides_where_traces_are_kept() -> None:
    assert trace_destination(monitoring(traces={"enabled": True})) == "tempo"
    assert trace_destination(monitoring(profile="aws", traces={"enabled": True})) == "xray"
    assert trace_destination(monitoring(profile="aws")) is None


def test_xrays_retention_cannot_be_set() -> None:
    settings = monitoring(profile="aws", traces={"enabled": True, "retentionDays": 7})
    (problem,) = [problem for rule in rules.rules for problem in rule.run("monitoring", settings)]
    assert (problem.rule, problem.path) == ("traces.xray-retention", "monitoring.traces.retentionDays")
    assert problem.message == "X-Ray keeps traces for 30 days, not 7"


def test_a_model_that_is_not_there_cannot_be_traced() -> None:
    settings = whole(model(), monitoring=monitoring(traces={"enabled": True, "models": ["gpt"]}))
    assert found(telemetry.rules, "traces.models", settings) == [
        ("monitoring.traces.models[0]", "there is no model gpt")
    ]


def test_an_image_without_the_packages_is_refused() -> None:
    old = model(QWEN_8B, name="old", engine={"version": "0.5.8"}, nodesPerGroup=1)
    settings = whole(model(), old, monitoring=monitoring(traces={"enabled": True}))
    assert found(telemetry.rules, "traces.packages", settings) == [
        (
            "models[1].engine.version",
            "lmsysorg/sglang:v0.5.8 has no OpenTelemetry, so the engine of old sends no span",
        )
    ]
    left_out = whole(model(), old, monitoring=monitoring(traces={"enabled": True, "models": ["r1"]}))
    assert found(telemetry.rules, "traces.packages", left_out) == []


def test_of_an_image_of_ones_own_it_is_not_known() -> None:
    own = {"repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/engine", "tag": "1.2.3"}
    settings = whole(model(engine={"image": own}), monitoring=monitoring(traces={"enabled": True}))
    ((path, message),) = found(telemetry.rules, "traces.unknown-image", settings)
    assert path == "models[0].engine.image"
    assert "not known" in message


def test_without_a_way_out_xray_needs_its_endpoint() -> None:
    traced_to_xray = monitoring(profile="aws", traces={"enabled": True})
    closed = NetworkSettings.model_validate({"nat": "none", "interfaceEndpoints": "closed"})
    settings = whole(model(), monitoring=traced_to_xray, network=closed)
    assert found(telemetry.rules, "traces.xray-out-of-reach", settings) == [
        ("monitoring.traces.destination", "the network has no way out, and no endpoint for xray")
    ]
    named = NetworkSettings.model_validate({"nat": "none", "interfaceEndpoints": ["xray"]})
    reached = whole(model(), monitoring=traced_to_xray, network=named)
    assert found(telemetry.rules, "traces.xray-out-of-reach", reached) == []


def test_logs_and_traces_lead_to_each_other() -> None:
    loki, tempo = data_sources(log_plan("loki"), trace_plan("tempo"), region="us-east-1", xray_plugin=True)
    fields = loki["jsonData"]["derivedFields"]
    assert {field["datasourceUid"] for field in fields} == {tempo["uid"]}
    assert [field["matcherRegex"] for field in fields] == ["trace_id", "request_id"]
    assert tempo["jsonData"]["tracesToLogsV2"]["datasourceUid"] == loki["uid"]
    assert "$${__trace.traceId}" in tempo["jsonData"]["tracesToLogsV2"]["query"]


@pytest.mark.parametrize(("version", "named"), [("0.5.8", False), ("0.5.13.post1", True), ("0.5.17", True)])
def test_an_engines_line_names_the_trace_where_the_release_can(version: str, named: bool) -> None:
    image = {"repository": "lmsysorg/sglang", "tag": f"v{version}"}
    made = traced(plan(QWEN_8B, engine={"version": version, "image": image}), COLLECTOR_ENDPOINT)
    assert ("SGLANG_LOG_REQUEST_HEADERS" in made.front.environment) is named


def test_the_users_own_list_of_logged_headers_stays() -> None:
    chosen = {"SGLANG_LOG_REQUEST_HEADERS": "x-tenant"}
    made = traced(plan(environment=chosen), COLLECTOR_ENDPOINT)
    assert made.front.environment["SGLANG_LOG_REQUEST_HEADERS"] == "x-tenant"


def test_traces_in_xray_are_seen_through_its_plugin() -> None:
    (source,) = data_sources(None, trace_plan("xray"), region="us-east-1", xray_plugin=True)
    assert (source["type"], source["jsonData"]["defaultRegion"]) == ("grafana-x-ray-datasource", "us-east-1")
    assert plugins(trace_plan("xray"), xray_plugin="2.17.1") == ["grafana-x-ray-datasource@2.17.1"]
    assert trace_source(trace_plan("xray")) is None
    reads = {
        action
        for statement in reading_statements(None, trace_plan("xray"), region="us-east-1", xray_plugin=True)
        for action in statement["Action"]
    }
    assert "xray:BatchGetTraces" in reads
    assert {action for action in reads if not action.startswith("xray:Get")} == {
        "xray:BatchGetTraces",
        "ec2:DescribeRegions",
    }


def test_without_the_plugin_or_without_xray_grafana_reads_none_of_it() -> None:
    for traces_there, plugin in ((trace_plan("xray"), None), (trace_plan("tempo"), "2.17.1"), (None, "2.17.1")):
        assert plugins(traces_there, xray_plugin=plugin) == []
        assert reading_statements(None, traces_there, region="us-east-1", xray_plugin=plugin is not None) == []


def test_without_a_way_out_grafana_cannot_fetch_the_plugin() -> None:
    closed = NetworkSettings.model_validate({"nat": "none", "interfaceEndpoints": ["xray"]})
    rule = "traces.xray-plugin-out-of-reach"
    on = monitoring(profile="aws", traces={"enabled": True})
    assert found(telemetry.rules, rule, whole(model(), monitoring=on, network=closed)) == [
        (
            "monitoring.grafana.xrayPluginVersion",
            f"the network has no way out to grafana.com, where plugin {pins.XRAY_PLUGIN} is",
        )
    ]
    off = monitoring(profile="aws", traces={"enabled": True}, grafana={"xrayPluginVersion": None})
    assert found(telemetry.rules, rule, whole(model(), monitoring=off, network=closed)) == []
    assert found(telemetry.rules, rule, whole(model(), monitoring=on)) == []


def test_exemplars_lead_to_tempo() -> None:
    def chart(source: str | None) -> dict[str, Any]:
        return prometheus_values(
            MonitoringSettings(),
            cluster_name="c",
            storage_class="gp3",
            node_selector={},
            keep_volumes=False,
            admin_secret=False,
            trace_source=source,
        )

    source = trace_source(trace_plan("tempo"))
    assert chart(source)["prometheus"]["prometheusSpec"]["enableFeatures"] == ["exemplar-storage"]
    assert chart(source)["grafana"]["sidecar"]["datasources"]["exemplarTraceIdDestinations"]["datasourceUid"] == source
    assert "enableFeatures" not in chart(None)["prometheus"]["prometheusSpec"]
