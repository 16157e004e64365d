"""Every check says what is wrong where it is, and nothing in a healthy cluster."""

from __future__ import annotations

from datetime import timedelta

import pytest

from components.rules import Severity
from infra.doctor.check import CHECKS, examine
from infra.doctor.checks.nodes import HEALTH_LABEL
from infra.doctor.observed import (
    ApiService,
    Budget,
    Certificate,
    Cluster,
    Endpoints,
    Event,
    Job,
    Leaving,
    LogKey,
    Release,
    Workload,
)
from tests.unit.doctor.clusters import (
    NOW,
    ago,
    cluster,
    container,
    examined,
    expected,
    new_container,
    new_node,
    new_pod,
    node,
    pod,
    replace,
    told,
)

LEADER, WORKER, JOB = "qwen3-8b-0", "qwen3-8b-0-1", "qwen3-8b-weights"


def event(kind: str, name: str, reason: str, message: str, namespace: str = "inference") -> Event:
    return Event(
        kind=kind,
        namespace=namespace,
        name=name,
        reason=reason,
        message=message,
        warning=True,
        count=1,
        seen=ago(5),
    )


def with_log(of: Cluster, text: str, key: LogKey) -> Cluster:
    """The cluster with one log read."""
    unread = {kind: reason for kind, reason in of.unread.items() if kind != "pod/log"}
    return replace(of, logs={key: text}, unread={k: v for k, v in unread.items() if k != "pods/log"})


HEALTHY = cluster()
WITHOUT_G6_1 = replace(HEALTHY, nodes=tuple(each for each in HEALTHY.nodes if each.name != "g6-1"))
RELEASES = tuple(
    Release(namespace=each.namespace, name=each.name, status="deployed", revision=1) for each in expected().releases
)
READABLE = {kind: why for kind, why in HEALTHY.unread.items() if kind not in ("secrets", "pods/log")}
BY_THE_KUBELET = LogKey("inference", LEADER, "sglang", from_start=True)
OF_JOB = LogKey("inference", "qwen3-8b-weights-x", "prefetch")


def crashed(**changes: object) -> Cluster:
    return container(HEALTHY, LEADER, **{"waiting": "CrashLoopBackOff", "restarts": 4, "exit_code": 1, **changes})


def crashed_with(line: str) -> Cluster:
    return with_log(crashed(), f"starting\n{line}\nbye", LogKey("inference", LEADER, "sglang", previous=True))


def job_that_failed(line: str, failed: str = "PodFailurePolicy") -> Cluster:
    """The weights job failed, and its pod's log ends with `line`."""
    labels = {"batch.kubernetes.io/job-name": JOB}
    job = Job(namespace="inference", name=JOB, complete=False, failed=failed, failures=1)
    pods = (*HEALTHY.pods, new_pod("qwen3-8b-weights-x", labels=labels, phase="Failed", ready=False))
    return with_log(replace(HEALTHY, jobs=(job,), pods=pods), line, OF_JOB)


CASES = {
    "nodes.missing": (WITHOUT_G6_1, "error pool g6: 1 node of 2; its models need 2", "lost-node.md"),
    "nodes.not-ready": (node(HEALTHY, "g6-0", ready="False"), "error node g6-0: is not Ready", "lost-node.md"),
    "nodes.labels": (
        node(HEALTHY, "g6-0", labels={**HEALTHY.nodes[0].labels, "node.kubernetes.io/instance-type": "g6.xlarge"}),
        "error node g6-0: label node.kubernetes.io/instance-type is g6.xlarge; pool g6 has g6.12xlarge",
        "pending-pods.md",
    ),
    "nodes.health": (
        node(
            HEALTHY,
            "g6-0",
            labels={
                **HEALTHY.nodes[0].labels,
                HEALTH_LABEL: "UnschedulablePendingReplacement",
                "sagemaker.amazonaws.com/fault-types": "XidError",
            },
        ),
        "warning node g6-0: node-health-status is UnschedulablePendingReplacement, fault-types XidError",
        "node-replaced.md",
    ),
    "nodes.cordoned": (
        node(HEALTHY, "g6-0", cordoned=True),
        "warning node g6-0: is cordoned",
        "drain-blocked.md",
    ),
    "nodes.faults": (
        node(HEALTHY, "g6-0", faults=(("AcceleratedHardwareReady", "Xid 79"),)),
        "error node g6-0: AcceleratedHardwareReady: Xid 79",
        "gpu-fault.md",
    ),
    "devices.gpu": (
        node(HEALTHY, "g6-0", devices={"nvidia.com/gpu": 0, "vpc.amazonaws.com/efa": 1}),
        "error node g6-0: offers 0 of the 4 nvidia.com/gpu of g6.12xlarge",
        "gpu-plugin.md",
    ),
    "devices.efa": (
        node(HEALTHY, "g6-0", devices={"nvidia.com/gpu": 4}),
        "error node g6-0: offers 0 of the 1 vpc.amazonaws.com/efa of g6.12xlarge",
        "efa-plugin-crash.md",
    ),
    "groups.pending": (
        pod(HEALTHY, WORKER, node="", unschedulable="0/4 nodes are available"),
        "error group 0 of qwen3-8b: does not fit: 1 of 2 pods has no node; pool g6 has 2 of 2 nodes that take pods, "
        "its models need 2. The scheduler: 0/4 nodes are available",
        "pending-pods.md",
    ),
    "pods.pending": (
        replace(HEALTHY, pods=(*HEALTHY.pods, new_pod("keda-x", "keda", node="", unschedulable="no room"))),
        "warning pod keda/keda-x: has no node. The scheduler: no room",
        "pending-pods.md",
    ),
    "groups.refused": (
        replace(
            HEALTHY,
            pods=(),
            events=(event("StatefulSet", "qwen3-8b", "FailedCreate", 'violates PodSecurity "baseline"'),),
        ),
        'error StatefulSet inference/qwen3-8b: violates PodSecurity "baseline"',
        "pods-refused.md",
    ),
    "groups.recreated": (
        replace(HEALTHY, events=(event("LeaderWorkerSet", "qwen3-8b", "RecreateGroup", "Worker pod failed"),) * 3),
        "warning groups of qwen3-8b: made anew again and again: 3 events within the hour that events are kept",
        "group-recreated.md",
    ),
    "groups.ready": (
        replace(
            pod(HEALTHY, LEADER, ready=False, created=ago(600)),
            group_sets=tuple(replace(each, ready=0) for each in HEALTHY.group_sets),
        ),
        "error groups of qwen3-8b: 0 of 1 ready, the oldest unready pod is 600 min old; the plan allows",
        "group-not-ready.md",
    ),
    "pods.image": (
        container(HEALTHY, LEADER, waiting="ImagePullBackOff", message="manifest unknown"),
        "error pod inference/qwen3-8b-0, container sglang: ImagePullBackOff: manifest unknown",
        "image-pull.md",
    ),
    "pods.config": (
        container(HEALTHY, LEADER, waiting="CreateContainerConfigError", message='secret "key" not found'),
        'error pod inference/qwen3-8b-0, container sglang: CreateContainerConfigError: secret "key" not found',
        "pods-refused.md",
    ),
    "pods.crash": (
        crashed(),
        "error pod inference/qwen3-8b-0, container sglang: ends with exit code 1 (4 restarts)",
        "crash-loop.md",
    ),
    "pods.restarts": (
        with_log(
            container(HEALTHY, LEADER, restarts=1),
            "RuntimeError: NCCL error: unhandled system error",
            LogKey("inference", LEADER, "sglang", previous=True),
        ),
        "warning pod inference/qwen3-8b-0, container sglang: NCCL failed: RuntimeError: NCCL error: unhandled",
        "nccl-failure.md",
    ),
    "pods.mount": (
        replace(
            pod(HEALTHY, LEADER, phase="Pending", ready=False),
            events=(event("Pod", LEADER, "FailedMount", "mount.lustre: timed out"),),
        ),
        "error pod inference/qwen3-8b-0: FailedMount: mount.lustre: timed out",
        "volume-mount.md",
    ),
    "weights.fetch": (
        job_that_failed("error: the hub answers 401 for Qwen/Qwen3-8B: wrong id or revision, or no access"),
        "error job inference/qwen3-8b-weights: failed (PodFailurePolicy): the hub refuses the token: error: the hub",
        "unauthorized-token.md",
    ),
    "transport.tcp": (
        with_log(HEALTHY, "NCCL INFO NET/Socket : Using [0]eth0", BY_THE_KUBELET),
        "error pod inference/qwen3-8b-0: NCCL runs over TCP though EFA is planned (1 interface a pod): NCCL INFO NET",
        "tcp-fallback.md",
    ),
    "service.endpoints": (
        replace(
            HEALTHY,
            endpoints=(Endpoints(namespace="inference", service="qwen3-8b-api", pods=frozenset({LEADER, WORKER})),),
        ),
        "error service inference/qwen3-8b-api: sends requests to qwen3-8b-0-1, which answer 404",
        "wrong-endpoints.md",
    ),
    "router.workers": (
        with_log(
            HEALTHY,
            "WARN Circuit breaker state transition: closed -> open",
            LogKey("routers", "qwen3-8b-x", "router"),
        ),
        "warning router routers/qwen3-8b-x: WARN Circuit breaker state transition: closed -> open",
        "router-warnings.md",
    ),
    "platform.workloads": (
        replace(
            HEALTHY,
            workloads=(
                Workload(
                    kind="DaemonSet", namespace="kube-system", name="aws-efa-k8s-device-plugin", wanted=2, ready=0
                ),
            ),
        ),
        "error DaemonSet kube-system/aws-efa-k8s-device-plugin: 0 of 2 pods ready",
        "efa-plugin-crash.md",
    ),
    "platform.releases": (
        replace(
            HEALTHY,
            unread=READABLE,
            releases=tuple(
                replace(each, status="pending-upgrade", revision=2) if each.name == "lws" else each for each in RELEASES
            ),
        ),
        "error release lws-system/lws: revision 2 is pending-upgrade: an operation on it never ended",
        "locked-state.md#helm",
    ),
    "platform.apis": (
        replace(
            HEALTHY, api_services=(ApiService(name="v1beta1.external.metrics.k8s.io", unavailable="no endpoints"),)
        ),
        "warning APIService v1beta1.external.metrics.k8s.io: no endpoints",
        "operator-down.md",
    ),
    "platform.certificates": (
        replace(HEALTHY, certificates=(Certificate(holder="Certificate lws", ends=NOW - timedelta(days=2)),)),
        "error Certificate lws: its certificate ended on 2026-11-19",
        "certificates.md",
    ),
    "platform.claims": (
        replace(HEALTHY, claims=tuple(replace(each, phase="Pending") for each in HEALTHY.claims)),
        "error claim inference/weights: is Pending",
        "volume-mount.md",
    ),
    "platform.budgets": (
        replace(
            node(HEALTHY, "g6-0", cordoned=True),
            budgets=(Budget(namespace="inference", name="qwen3-8b", pods=2, healthy=1, allowed=0),),
        ),
        "warning disruption budget inference/qwen3-8b: allows no eviction now: 1 of 2 pods healthy",
        "drain-blocked.md",
    ),
    "objects.missing": (
        replace(
            HEALTHY,
            objects={key: each for key, each in HEALTHY.objects.items() if key[0] != "LeaderWorkerSet"},
        ),
        "error LeaderWorkerSet inference/qwen3-8b: is not there",
        "drift.md",
    ),
    "objects.kinds": (
        replace(
            HEALTHY,
            unread={
                **HEALTHY.unread,
                "leaderworkerset.v1.leaderworkerset.x-k8s.io": "the server doesn't have a resource type",
            },
        ),
        "error kind leaderworkerset.v1.leaderworkerset.x-k8s.io: is not served",
        "crd-upgrade.md",
    ),
    "objects.differ": (
        replace(
            HEALTHY,
            objects={
                key: {**each, "spec": {**each["spec"], "maxUnavailable": 2}}
                if key[2] == "qwen3-8b" and key[0] == "PodDisruptionBudget"
                else each
                for key, each in HEALTHY.objects.items()
            },
        ),
        "warning PodDisruptionBudget inference/qwen3-8b: differs from the plan: spec.maxUnavailable is 2, planned 1",
        "drift.md",
    ),
    "objects.stuck": (
        replace(
            HEALTHY,
            leaving=(
                Leaving(
                    kind="Namespace",
                    namespace="",
                    name="inference",
                    since=ago(300),
                    finalizers=("kubernetes",),
                ),
            ),
        ),
        "error Namespace inference: is being deleted for 300 min, held by kubernetes",
        "stuck-deletion.md",
    ),
}
"""By check: a cluster in which it has something to say, how that begins, and the page."""


def test_every_check_has_a_case() -> None:
    of_phases = {"transport.kv-cache"}
    assert {each.id for each in CHECKS} - of_phases == set(CASES)


@pytest.mark.parametrize("check", CASES)
def test_a_fault_is_told_with_its_page(check: str) -> None:
    ill, beginning, page = CASES[check]
    lines = told(ill, check)
    assert len(lines) == 1, lines
    assert lines[0].startswith(beginning), lines[0]
    (one,) = examined(ill, check)
    assert one.page == f"docs/runbooks/{page}"
    assert one.fix


@pytest.mark.parametrize("check", CASES)
def test_a_healthy_cluster_gives_it_nothing_to_say(check: str) -> None:
    healthy = replace(HEALTHY, unread=READABLE, releases=RELEASES)
    assert [each for each in examined(healthy, check) if each.severity is not Severity.ADVICE] == []
    ran = examine(expected(), healthy, [each for each in CHECKS if each.id == check])
    assert ran.passed == (check,), "the check did look"


@pytest.mark.parametrize(
    ("line", "page"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB", "out-of-memory.md"),
        ("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.", "out-of-memory.md"),
        ("NCCL error: unhandled system error (run with NCCL_DEBUG=INFO for details)", "nccl-failure.md"),
        ("No valid EFA devices were found", "efa-plugin-crash.md"),
        ("OSError: [Errno 28] No space left on device", "storage-full.md"),
        ("something nobody has seen", "crash-loop.md"),
    ],
)
def test_the_last_words_of_a_container_lead_to_the_page_of_the_cause(line: str, page: str) -> None:
    (one,) = examined(crashed_with(line), "pods.crash")
    assert one.page == f"docs/runbooks/{page}"
    assert (line in one.message) == (page != "crash-loop.md")


def test_a_container_that_the_kernel_killed_leads_to_host_memory() -> None:
    (one,) = examined(container(HEALTHY, LEADER, ended="OOMKilled", restarts=1), "pods.crash")
    assert one.page == "docs/runbooks/out-of-memory.md#host-memory"


@pytest.mark.parametrize(
    ("line", "failed", "begins", "page"),
    [
        ("error, to be tried again: the hub answers 429", "", "warning", "download-timeout.md"),
        ("error: 600.0 GiB to fetch, 20.0 GiB free in /models/x", "PodFailurePolicy", "error", "storage-full.md"),
        ("nothing known", "DeadlineExceeded", "error", "download-timeout.md"),
    ],
)
def test_a_weights_job_leads_to_the_page_of_its_cause(line: str, failed: str, begins: str, page: str) -> None:
    (one,) = examined(job_that_failed(line, failed), "weights.fetch")
    assert (str(one.severity), one.page) == (begins, f"docs/runbooks/{page}")


def test_a_log_that_names_efa_is_no_fault_and_one_that_names_nothing_is_told_as_unseen() -> None:
    assert told(with_log(HEALTHY, "NET/OFI Selected provider is efa", BY_THE_KUBELET), "transport.tcp") == []
    (unseen,) = told(with_log(HEALTHY, "loading weights", BY_THE_KUBELET), "transport.tcp")
    assert unseen.startswith("advice pod inference/qwen3-8b-0: its log does not tell which network NCCL took")


def test_a_spare_node_that_is_missing_is_a_warning() -> None:
    system = tuple(each for each in HEALTHY.nodes if each.name != "system-1")
    assert told(replace(HEALTHY, nodes=system), "nodes.missing") == [
        "warning pool system: 1 node of 2; the operators run there"
    ]


def test_a_pool_s_own_taint_that_is_gone_is_a_warning() -> None:
    assert told(node(HEALTHY, "g6-0", taints=frozenset()), "nodes.labels") == [
        "warning node g6-0: lacks the taint nvidia.com/gpu=true:NoSchedule of pool g6: other pods may take its room"
    ]


def test_pods_that_cannot_end_on_a_silent_node_are_named() -> None:
    ill = pod(node(HEALTHY, "g6-1", ready="Unknown"), WORKER, node="g6-1", deleted=ago(30))
    (line,) = told(ill, "nodes.not-ready")
    assert "1 pod cannot end there: qwen3-8b-0-1" in line
    (one,) = examined(ill, "nodes.not-ready")
    assert "kubectl taint nodes g6-1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute" in one.fix
    assert told(ill, "objects.stuck") == ["warning pod inference/qwen3-8b-0-1: cannot end on node g6-1 for 30 min"]


def test_an_event_with_an_xid_is_an_error_of_its_node() -> None:
    ill = replace(HEALTHY, events=(event("Node", "g6-0", "XIDError", "Xid 79 on GPU 3", namespace=""),))
    assert told(ill, "nodes.faults") == ["error node g6-0: XIDError: Xid 79 on GPU 3"]


def test_a_group_that_may_still_be_starting_is_advice() -> None:
    starting = replace(
        pod(HEALTHY, LEADER, ready=False, created=ago(2)),
        group_sets=tuple(replace(each, ready=0) for each in HEALTHY.group_sets),
    )
    assert [each.severity for each in examined(starting, "groups.ready")] == [Severity.ADVICE]


def test_a_node_of_nobody_s_pool_is_left_alone() -> None:
    assert told(replace(HEALTHY, nodes=(*HEALTHY.nodes, new_node("stranger"))), "nodes.labels") == []


def test_what_cannot_be_read_is_told_and_not_judged() -> None:
    blind = replace(HEALTHY, nodes=(), unread={"node": "nodes is forbidden"})
    found = examine(expected(), blind, CHECKS)
    assert found.blind["nodes.missing"] == "node: nodes is forbidden"
    assert not any(one.check.startswith("nodes.") for one in found.diagnoses)


def test_findings_come_worst_first() -> None:
    ill = replace(node(WITHOUT_G6_1, "g6-0", cordoned=True), unread=READABLE, releases=RELEASES)
    severities = [list(Severity).index(one.severity) for one in examine(expected(), ill, CHECKS).diagnoses]
    assert severities == sorted(severities)
    assert len(set(severities)) > 1


def test_a_running_container_without_a_known_cause_is_no_finding() -> None:
    assert told(replace(HEALTHY, pods=(new_pod("x", containers=(new_container(restarts=2),)),)), "pods.restarts") == []
