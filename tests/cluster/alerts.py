"""What the alerts that the program applied say of the cluster as it is, by promtool."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import yaml

from components.serving.group.labels import ROLE_LABEL, SET_LABEL
from tests.cluster.client import Manifest, labels_of, name_of, namespace_of
from tests.cluster.deployment import GROUP, RANK, SET, Deployment

MINUTES = 60


def expect(
    deployment: Deployment,
    alert: str,
    groups: Collection[str],
    *,
    pods: Iterable[Manifest],
    promtool: Path,
    folder: Path,
) -> None:
    """Were `pods` as they are for an hour, `alert` would fire for these LeaderWorkerSets and no others."""
    rules = folder / "rules.yaml"
    applied = [group for manifest in deployment.of_kind("PrometheusRule") for group in manifest["spec"]["groups"]]
    rules.write_text(yaml.safe_dump({"groups": applied}, width=10_000))
    test = {
        "interval": "1m",
        "input_series": [
            {"series": series, "values": f"{value}x{MINUTES}"} for pod in pods for series, value in _exported(pod)
        ],
        "promql_expr_test": [
            {
                "expr": f'sum by (lws) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": [{"labels": f'{{lws="{name}"}}', "value": 1} for name in sorted(groups)],
            }
        ],
    }
    file = folder / "test.yaml"
    content = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(yaml.safe_dump(content, width=10_000))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def unschedulable(pod: Manifest) -> bool:
    """Whether the scheduler has looked at the pod and found no node."""
    conditions = pod["status"].get("conditions") or []
    return any(each["type"] == "PodScheduled" and each.get("reason") == "Unschedulable" for each in conditions)


def _exported(pod: Manifest) -> Iterator[tuple[str, int]]:
    """What kube-state-metrics reports of an engine's pod, as far as alerts read it."""
    labels = labels_of(pod)
    if SET not in labels:
        return
    at = f'namespace="{namespace_of(pod)}",pod="{name_of(pod)}",uid="{pod["metadata"]["uid"]}"'
    named = ",".join(f'label_{"".join(c if c.isalnum() else "_" for c in key)}="{labels[key]}"'
                     for key in (SET, GROUP, RANK, SET_LABEL, ROLE_LABEL) if key in labels)  # fmt: skip
    yield f"kube_pod_labels{{{at},{named}}}", 1
    if unschedulable(pod):
        yield f"kube_pod_status_unschedulable{{{at}}}", 1
