"""The exporter of EFA counters: what is registered, who owns the counters, and what a node has to hold."""

from __future__ import annotations

from typing import Any

import pytest

from components.aws.nodes.plan import DaemonPod, pod_budget
from components.facts.instances import instance
from components.monitoring.efa_exporter.component import EfaExporter
from components.monitoring.efa_exporter.plan import daemon_set, exporter_image
from components.monitoring.efa_exporter.settings import EfaExporterImageSettings, EfaExporterSettings
from components.monitoring.profile import efa_owner, scrapes_efa
from components.monitoring.settings import MonitoringSettings
from components.platform.settings import PlatformSettings
from infra.rules import platform
from tests.support import Recording, context, run
from tests.unit.platform.test_cross_rules import settings as stack
from tests.unit.serving.builders import found

TYPES = ["ml.g6e.12xlarge", "ml.p5.48xlarge"]
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists"}
DIGEST = "sha256:" + "0" * 64


def exporter() -> Recording:
    return run(
        lambda: EfaExporter(
            "efa-exporter",
            context(),
            EfaExporterSettings(),
            instance_types=TYPES,
            tolerations=[GPU_TAINT],
            monitoring_namespace="monitoring",
            interval_seconds=15,
        )
    )


def pod() -> dict[str, Any]:
    return dict(exporter().one("kubernetes:apps/v1:DaemonSet").inputs["spec"]["template"]["spec"])


def test_it_runs_on_nodes_with_efa_and_answers_their_taints() -> None:
    (term,) = pod()["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": TYPES}]
    assert {toleration["key"] for toleration in pod()["tolerations"]} == {
        "nvidia.com/gpu",
        "sagemaker.amazonaws.com/node-health-status",
    }


def test_it_may_do_nothing_but_read_the_counters() -> None:
    (container,) = pod()["containers"]
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"] if mount.get("readOnly") is not True] == []
    paths = [volume["hostPath"]["path"] for volume in pod()["volumes"] if "hostPath" in volume]
    assert paths == ["/sys/class", "/sys/devices"]


def test_it_puts_no_engine_out() -> None:
    assert "priorityClassName" not in pod()
    assert "hostNetwork" not in pod()


def test_prometheus_alone_reaches_it_and_it_reaches_nobody() -> None:
    policies = {
        policy.inputs["metadata"]["name"]: policy.inputs["spec"]
        for policy in exporter().of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy")
    }
    assert set(policies) == {"deny-all", "prometheus"}
    assert policies["prometheus"]["policyTypes"] == ["Ingress"]
    ((opening,),) = [policies["prometheus"]["ingress"]]
    (peer,) = opening["from"]
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}


def test_a_series_carries_the_name_of_its_node() -> None:
    monitor = exporter().one("kubernetes:monitoring.coreos.com/v1:PodMonitor").inputs["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    (rule,) = endpoint["relabelings"]
    assert (rule["sourceLabels"], rule["targetLabel"]) == (["__meta_kubernetes_pod_node_name"], "instance")
    (container,) = pod()["containers"]
    assert endpoint["portNumber"] == container["ports"][0]["containerPort"]


def test_a_changed_script_makes_new_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    def annotations() -> dict[str, str]:
        return dict(daemon_set("image", TYPES, [])["template"]["metadata"]["annotations"])

    before = annotations()
    monkeypatch.setattr("components.monitoring.efa_exporter.plan.script", lambda: "another")
    assert annotations() != before


def test_the_image_may_come_from_a_mirror_and_by_digest() -> None:
    known = exporter_image(EfaExporterImageSettings())
    mirrored = exporter_image(EfaExporterImageSettings(repository="mirror.example.com/python", digest=DIGEST))
    assert known.reference.startswith("public.ecr.aws/docker/library/python:3.")
    assert mirrored.reference == f"mirror.example.com/python:{known.tag}@{DIGEST}"


ADDON: dict[str, Any] = {"hyperpodObservability": {"enabled": True}}
ADDON_WITHOUT: dict[str, Any] = {"hyperpodObservability": {"enabled": True, "networkMetrics": "DISABLED"}}


def monitoring(owner: str | None = None, **given: Any) -> MonitoringSettings:
    return MonitoringSettings.model_validate({**given, **({"efaExporter": {"owner": owner}} if owner else {})})


@pytest.mark.parametrize(
    ("settings", "owner", "scraped"),
    [
        (monitoring(), "stack", True),
        (monitoring(**ADDON), "hyperpod", False),
        (monitoring(**ADDON_WITHOUT), "stack", True),
        (monitoring("other"), "other", True),
        (monitoring("none"), "none", False),
        (monitoring("stack", enabled=False), "none", False),
    ],
)
def test_who_counts(settings: MonitoringSettings, owner: str, scraped: bool) -> None:
    assert (efa_owner(settings), scrapes_efa(settings)) == (owner, scraped)


@pytest.mark.parametrize(
    ("owner", "fault"),
    [
        ("stack", "this stack's own exporter and this stack's HyperPod observability both own"),
        ("other", "an exporter of somebody else's and this stack's HyperPod observability both own"),
    ],
)
def test_a_second_owner_is_refused(owner: str, fault: str) -> None:
    ((path, message),) = found(platform.rules, "platform.one-owner", stack(monitoring=monitoring(owner, **ADDON)))
    assert path == "monitoring.efaExporter.owner"
    assert message.startswith(fault)
    assert found(platform.rules, "platform.one-owner", stack(monitoring=monitoring(owner, **ADDON_WITHOUT))) == []


@pytest.mark.parametrize("owner", ["stack", "other"])
def test_an_add_on_by_default_gives_way(owner: str) -> None:
    assert found(platform.rules, "platform.one-owner", stack(monitoring=monitoring(**ADDON))) == []
    assert found(platform.rules, "platform.one-owner", stack(monitoring=monitoring(owner))) == []


def owner_fault(settings: MonitoringSettings, *also: str) -> list[tuple[str, str]]:
    chosen = PlatformSettings.model_validate({"alsoInstalled": list(also)})
    return found(platform.rules, "efa-exporter.owner-is-off", stack(monitoring=settings, platform=chosen))


def test_an_owner_that_does_not_count_is_refused() -> None:
    path = "monitoring.efaExporter.owner"
    off = "HyperPod's observability add-on is off, or its network metrics are: nobody counts"
    assert owner_fault(monitoring("hyperpod")) == [(path, off)]
    assert owner_fault(monitoring("hyperpod", **ADDON_WITHOUT)) == [(path, off)]
    assert owner_fault(monitoring("hyperpod", **ADDON)) == []
    assert owner_fault(monitoring("hyperpod"), "hyperpod-observability") == []
    on = "HyperPod's observability add-on exports them: its networkMetrics are ADVANCED"
    assert owner_fault(monitoring("none", **ADDON)) == [(path, on)]
    assert owner_fault(monitoring("none")) == owner_fault(monitoring()) == []


@pytest.mark.parametrize(("kind", "pods"), [("ml.p5.48xlarge", 1), ("g6.xlarge", 0)])
def test_a_node_with_efa_has_room_for_its_pod(kind: str, pods: int) -> None:
    machine = instance(kind)
    ours = [DaemonPod("efa-exporter", False, for_efa=True)]
    without = pod_budget(machine, "hyperpod")
    assert pod_budget(machine, "hyperpod", ours).daemon_addresses - without.daemon_addresses == pods
