"""The pods of an engine: probes, rights, volumes, and how long they hold on to a lost node."""

from __future__ import annotations

from typing import Any

from components.serving.group.objects import disruption_budget, leader_worker_set, service
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, R1, plan


def templates(base: dict[str, Any] = R1, key_secret: str | None = None, **changes: Any) -> tuple[Any, Any]:
    """Pod specs of leader and worker."""
    group = plan(base, **changes).front
    spec = leader_worker_set(group, service_account="engine", claim_name="weights", key_secret=key_secret)
    template = spec["leaderWorkerTemplate"]
    worker = template["workerTemplate"]["spec"]
    return template.get("leaderTemplate", {"spec": worker})["spec"], worker


def container(pod: Any) -> Any:
    (only,) = pod["containers"]
    return only


def test_leader_and_workers_run_the_same_command() -> None:
    leader, worker = map(container, templates())
    assert (leader["command"], leader["args"], leader["env"]) == (worker["command"], worker["args"], worker["env"])


def test_a_group_of_one_pod_has_one_template_and_it_is_the_leaders() -> None:
    spec = leader_worker_set(plan(QWEN_30B, instance_type="g6e.12xlarge").front, service_account="engine")
    assert "leaderTemplate" not in spec["leaderWorkerTemplate"]
    assert "readinessProbe" in container(spec["leaderWorkerTemplate"]["workerTemplate"]["spec"])


def test_only_the_leader_says_when_it_is_ready() -> None:
    leader, worker = map(container, templates())
    assert "readinessProbe" in leader
    assert "readinessProbe" not in worker


def test_a_worker_is_dead_only_when_its_process_is() -> None:
    _, worker = map(container, templates())
    assert worker["livenessProbe"]["httpGet"] == {"path": "/health", "port": "http"}


def test_probes_of_the_leader_wait_for_a_token() -> None:
    leader, _ = map(container, templates())
    assert {leader[probe]["timeoutSeconds"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {25}
    assert leader["livenessProbe"]["failureThreshold"] >= 5


def test_the_startup_probe_lasts_as_long_as_the_settings_say() -> None:
    leader, _ = map(container, templates(probes={"startupMinutes": 90}))
    probe = leader["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 90 * 60


def test_a_pod_drains_before_it_is_told_to_stop() -> None:
    leader, worker = templates()
    for pod in (leader, worker):
        assert container(pod)["lifecycle"] == {"preStop": {"sleep": {"seconds": 15}}}
        assert pod["terminationGracePeriodSeconds"] == 900


def test_no_pod_has_more_rights_than_it_needs() -> None:
    for pod in templates():
        context = container(pod)["securityContext"]
        assert context == {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]},
        }
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)


def test_without_efa_no_capability_is_added() -> None:
    leader, _ = templates(QWEN_30B, instance_type="g6e.12xlarge")
    assert container(leader)["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_weights_are_read_only() -> None:
    leader, _ = templates()
    (mount,) = [mount for mount in container(leader)["volumeMounts"] if mount["name"] == "weights"]
    assert mount == {"name": "weights", "mountPath": "/models", "readOnly": True}


def test_what_is_compiled_stays_on_the_node() -> None:
    leader, _ = templates()
    (volume,) = [volume for volume in leader["volumes"] if volume["name"] == "cache"]
    assert volume["hostPath"] == {"path": "/mnt/k8s-disks/0/sglang-cache", "type": "DirectoryOrCreate"}
    (mount,) = [mount for mount in container(leader)["volumeMounts"] if mount["name"] == "cache"]
    assert mount["mountPath"] == "/root/.cache"


def test_shared_memory_is_memory_with_a_limit() -> None:
    leader, _ = templates()
    (volume,) = [volume for volume in leader["volumes"] if volume["name"] == "shared-memory"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Gi"}


def test_a_lost_node_is_given_up_after_half_a_minute() -> None:
    leader, _ = templates()
    lost = [each for each in leader["tolerations"] if each["key"].startswith("node.kubernetes.io/")]
    assert {(each["key"].split("/")[1], each["tolerationSeconds"]) for each in lost} == {
        ("not-ready", 30),
        ("unreachable", 30),
    }


def test_pods_tolerate_their_pools_taints_and_land_on_its_nodes() -> None:
    leader, _ = templates()
    assert {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"} in leader[
        "tolerations"
    ]
    assert leader["nodeSelector"] == {"sglang-hyperpod/pool": "gpu"}


def test_on_hyperpod_pods_land_on_nodes_that_passed_their_checks() -> None:
    leader, _ = templates(instance_type="ml.p5.48xlarge", substrate="hyperpod")
    assert leader["nodeSelector"] == {
        "sagemaker.amazonaws.com/instance-group-name": "gpu",
        "sagemaker.amazonaws.com/node-health-status": "Schedulable",
    }


def test_the_key_comes_from_a_file_of_a_secret() -> None:
    leader, _ = templates(key_secret="r1-api-key", apiKeySecret="key")
    (volume,) = [volume for volume in leader["volumes"] if volume["name"] == "api-key"]
    assert volume["secret"]["secretName"] == "r1-api-key"
    assert "--config" in container(leader)["args"]


def test_the_service_sees_leaders_alone_and_the_budget_every_rank() -> None:
    group = plan(QWEN_8B, instance_type="g6e.xlarge").front
    members = {"leaderworkerset.sigs.k8s.io/name": "qwen"}
    assert service(group)["selector"] == {**members, "leaderworkerset.sigs.k8s.io/worker-index": "0"}
    assert disruption_budget(group)["selector"] == {"matchLabels": members}


def test_a_rank_that_restarts_takes_its_group_with_it() -> None:
    spec = leader_worker_set(plan(R1).front, service_account="engine", claim_name="weights")
    assert spec["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert spec["startupPolicy"] == "LeaderCreated"
    assert spec["leaderWorkerTemplate"]["size"] == 2
