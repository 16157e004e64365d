"""What the shipped stacks, and changes of them, switch on of the alerts."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.alerts.model import Family
from components.rules import Problem, Severity
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]
RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"


def raw(stack: str) -> dict[str, Any]:
    return copy.deepcopy(load_stack_file(ROOT / f"Pulumi.{stack}.yaml"))


def plan(settings: dict[str, Any]) -> Plan:
    found = validate(settings)
    assert found.settings is not None, [str(error) for error in found.errors]
    return resolve(found.settings)


def on(plan: Plan) -> set[str]:
    return {alert.name for alert in plan.alerts.on}


def told(settings: dict[str, Any]) -> list[Problem]:
    return [problem for problem in validate(settings).problems if problem.rule == "alerts.off"]


def test_production_watches_what_it_has() -> None:
    prod = plan(raw("prod"))
    assert {"NodeBeingReplaced", "TrafficOnTcp", "WeightsVolumeFull", "ModelNotServing"} <= on(prod)
    assert on(prod) & {"NoHealthyWorker", "KvTransferFailing", "ReservedCapacityEnding"} == set()


def test_an_eks_stack_has_no_alert_of_hyperpod() -> None:
    assert "NodeBeingReplaced" not in on(plan(raw("dev")))


def test_a_router_brings_its_alerts() -> None:
    settings = raw("dev")
    settings["models"][0]["router"] = {}
    assert {alert.name for alert in plan(settings).alerts.on if alert.family is Family.ROUTER} == {
        "NoHealthyWorker",
        "RouterCircuitOpen",
        "RouterErrorRateHigh",
    }


def test_what_only_the_plan_knows_is_recorded() -> None:
    settings = raw("prod")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5"
    settings["nodePools"][0]["capacity"] = {"kind": "trainingPlan", "arn": arn, "endsAt": "2031-01-01T00:00:00Z"}
    (known,) = [rules for rules in plan(settings).alerts.objects if rules.name == "plan"]
    (ends,) = [rule for rule in known.groups[0]["rules"] if rule["record"].endswith("capacity_ends_timestamp_seconds")]
    assert ends["labels"] == {"pool": "p5", "kind": "trainingPlan"}
    assert ends["expr"] == "vector(1924992000)"


def test_a_vulnerable_engine_is_recorded_and_a_sound_one_is_not() -> None:
    settings = raw("dev")

    def found() -> set[str]:
        return {
            rule["labels"]["cve"]
            for rules in plan(settings).alerts.objects
            for rule in rules.groups[0]["rules"]
            if rule.get("record") == "sglang_hyperpod:engine_cve_info"
        }

    assert found() == set()
    image = {"repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/sglang", "tag": "0.5.8", "efaCapable": True}
    settings["models"][0]["engine"] = {"version": "0.5.8", "image": image}
    assert found() == {"CVE-2026-3059", "CVE-2026-3060", "CVE-2026-5760"}


@pytest.mark.parametrize(
    ("change", "path", "names"),
    [
        (
            {"monitoring": {"efaExporter": {"owner": "none"}}},
            "monitoring.efaExporter.owner",
            "without an EFA exporter these alerts are off: EfaErrors",
        ),
        (
            {"platform": {"gpuOperator": {"dcgmExporter": False}}},
            "platform.gpuOperator.dcgmExporter",
            "without the DCGM exporter these alerts are off: GpuXidError, GpuMemoryErrors, GpuLost",
        ),
    ],
)
def test_an_alert_that_nothing_feeds_says_so(change: dict[str, Any], path: str, names: str) -> None:
    (problem,) = [problem for problem in told({**raw("prod"), **change}) if problem.path == path]
    assert problem.severity is Severity.ADVICE
    assert problem.message.startswith(names)
    assert problem.fix


EFA_EXPORTER = "kubernetes:apps/v1:DaemonSet"


def deployed(settings: dict[str, Any]) -> Recording:
    chosen = plan(settings)
    return record(lambda: deploy(chosen.settings, chosen, "prod"), stack="prod")


def panels(recording: Recording) -> set[str]:
    (board,) = recording.named("monitoring-sglang-fabric-gpu")
    model = json.loads(board.inputs["data"]["sglang-fabric-gpu.json"])
    return {panel["title"] for panel in model["panels"] if panel["title"].startswith("EFA ")}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_stack_with_efa_counts_it_itself(stack: str) -> None:
    settings = raw(stack)
    assert told(settings) == []
    assert "EfaErrors" in on(plan(settings))
    (exporter,) = deployed(settings).of_type(EFA_EXPORTER)
    assert exporter.inputs["metadata"]["namespace"] == "efa-exporter"
    assert len(panels(deployed(settings))) == 5


def test_an_exporter_that_somebody_else_runs_counts() -> None:
    settings = raw("prod") | {"monitoring": {"efaExporter": {"owner": "other"}}}
    assert told(settings) == []
    assert "EfaErrors" in on(plan(settings))
    assert deployed(settings).of_type(EFA_EXPORTER) == []
    assert len(panels(deployed(settings))) == 5


def test_what_hyperpods_add_on_counts_the_clusters_prometheus_lacks() -> None:
    settings = raw("prod") | {"monitoring": {"profile": "aws", "hyperpodObservability": {"enabled": True}}}
    (problem,) = [problem for problem in told(settings) if problem.path == "monitoring.efaExporter.owner"]
    assert problem.message == "without an EFA exporter these alerts are off: EfaErrors"
    assert "EfaErrors" not in on(plan(settings))
    assert deployed(settings).of_type(EFA_EXPORTER) == []
    assert panels(deployed(settings)) == set()


def test_no_pool_with_efa_no_exporter() -> None:
    settings = raw("dev")
    settings["nodePools"][0] |= {"instanceType": "g6.xlarge", "nodes": 1}
    settings["models"][0] |= {"parallelism": {"tensor": 1}, "nodesPerGroup": 1, "contextLength": 8192}
    chosen = plan(settings)
    assert chosen.efa_instance_types == []
    assert deployed(settings).of_type(EFA_EXPORTER) == []


def test_a_stack_without_monitoring_has_neither_alerts_nor_advice_on_them() -> None:
    settings = raw("prod") | {"monitoring": {"enabled": False}}
    assert told(settings) == []
    chosen = plan(settings)
    assert record(lambda: deploy(chosen.settings, chosen, "prod"), stack="prod").of_type(RULE) == []


def test_no_engine_comes_before_its_alerts() -> None:
    chosen = plan(raw("dev"))
    recording = record(lambda: deploy(chosen.settings, chosen, "dev"), stack="dev")
    (engine,) = recording.of_type("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet")
    rules = recording.of_type(RULE)
    assert rules
    assert [rule.name for rule in rules if not recording.depends(engine, rule)] == []
    assert [rule.name for rule in rules if not recording.depends(rule, recording.named("monitoring-release")[0])] == []


def test_objectives_look_back_no_further_than_prometheus_keeps() -> None:
    settings: dict[str, Any] = raw("dev") | {"monitoring": {"retentionDays": 2, "retentionSizeGiB": 80}}
    (problem,) = [found for found in validate(settings).problems if found.rule == "alerts.objective-retention"]
    assert (problem.path, problem.severity) == ("monitoring.retentionDays", Severity.WARNING)
    assert problem.message == "2 days are kept, and objectives look back on 3"
    settings["models"][0]["objectives"] = {"enabled": False}
    assert [found for found in validate(settings).problems if found.rule == "alerts.objective-retention"] == []
