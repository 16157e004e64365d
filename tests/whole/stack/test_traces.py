"""Traces of a whole stack: who may read them where they are kept."""

from __future__ import annotations

import json
from pathlib import Path

from components.facts import pins
from components.monitoring.traces.plan import XRAY_READS
from infra.offline import record
from infra.plan import resolve
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]


def test_with_traces_in_xray_grafana_has_the_plugin_the_source_and_the_right_to_read() -> None:
    raw = load_stack_file(ROOT / "Pulumi.dev.yaml")
    raw["monitoring"] = {**raw.get("monitoring", {}), "profile": "aws", "traces": {"enabled": True}}
    found = validate(raw)
    assert found.settings is not None, [str(error) for error in found.errors]
    plan = resolve(found.settings)
    recording = record(lambda: deploy(plan.settings, plan, "dev"))
    (release,) = [
        made
        for made in recording.of_type("kubernetes:helm.sh/v3:Release")
        if made.inputs["chart"] == pins.KUBE_PROMETHEUS_STACK.reference
    ]
    assert release.inputs["values"]["grafana"]["plugins"] == [f"grafana-x-ray-datasource@{pins.XRAY_PLUGIN}"]
    (sources,) = [
        json.loads(made.inputs["data"]["data-sources.yaml"])["datasources"]
        for made in recording.of_type("kubernetes:core/v1:ConfigMap")
        if "data-sources.yaml" in made.inputs.get("data", {})
    ]
    assert [source["type"] for source in sources] == ["grafana-x-ray-datasource"]
    texts = [made.inputs.get("policy") for made in recording.of_type("aws:iam/rolePolicy:RolePolicy")]
    policies = [json.loads(text) for text in texts if isinstance(text, str) and text.startswith("{")]
    reading = [each for policy in policies for each in policy["Statement"] if each.get("Sid") == "ReadTraces"]
    assert [sorted(each["Action"]) for each in reading] == [sorted(XRAY_READS)]
