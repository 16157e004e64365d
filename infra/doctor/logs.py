"""Which logs are worth reading, and what their lines tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from components.serving.group.labels import leaders
from components.serving.router.objects import selector
from infra.doctor.expected import Expected
from infra.doctor.observed import Cluster, LogKey, Pod

ENGINE: Final = "sglang"
PREFETCH: Final = "prefetch"
ROUTER: Final = "router"

FAULTS: Final = {
    "memory": re.compile(r"CUDA out of memory|torch\.OutOfMemoryError|Not enough memory\. Please try"),
    "nccl": re.compile(r"NCCL error|ncclUnhandledCudaError|ncclSystemError|ncclRemoteError|Failed to connect to peer"),
    "token": re.compile(r"the hub answers (401|403)|401 Client Error|403 Client Error|GatedRepoError"),
    "hub": re.compile(
        r"error, to be tried again|[Rr]ead timed out|Connection timeout|ConnectTimeout|the hub answers (429|5\d\d)"
    ),
    "full": re.compile(r"GiB to fetch, .* GiB free|No space left on device"),
    "efa": re.compile(r"No valid EFA devices|efa_gpu_topology_init|SIGSEGV"),
}
"""Lines by which a cause is known: PyTorch's, NCCL's and SGLang's own words, those of `prefetch.py` and of the hub's
library, and the EFA device plugin's (aws/sagemaker-hyperpod-cli #367)."""

TCP = re.compile(r"NET/Socket|Using network Socket")
OFI = re.compile(r"NET/OFI|Using network (AWS Libfabric|Libfabric|OFI)")
UCX = re.compile(r"Backend UCX was instantiated")
LIBFABRIC = re.compile(r"Backend LIBFABRIC was instantiated")
"""What NIXL says at start of the backend that it took (ai-dynamo/dynamo docs/kubernetes/cloud-providers/eks/efa.md)."""
CIRCUIT_OPEN = re.compile(r"Circuit breaker state transition: \w+ -> open")
"""What sglang-router 0.3.2 says when it takes a worker out; a contract test has the real one say it."""
NO_WORKER = re.compile(r"No available workers")
"""What it answers a request with when it has none."""


def wanted_logs(expected: Expected, cluster: Cluster) -> Iterator[LogKey]:
    """The logs that checks ask for: of each group with EFA the first leader's start; of containers that
    restart, what they said last; of unfinished weights jobs and of routers, the end.
    """
    for model, group in expected.groups:
        running = [pod for pod in cluster.pods_of(model.namespace, leaders(group.members)) if pod.phase == "Running"]
        if group.efa_per_pod and running:
            yield LogKey(running[0].namespace, running[0].name, ENGINE, from_start=True)
    for pod in cluster.pods:
        if pod.namespace in expected.namespaces:
            yield from _restarted(pod)
    for job in cluster.jobs:
        if job.namespace in expected.namespaces and not job.complete:
            for pod in cluster.pods_of(job.namespace, {"batch.kubernetes.io/job-name": job.name}):
                if pod.phase != "Pending":
                    yield LogKey(pod.namespace, pod.name, PREFETCH)
    for model in expected.plan.models:
        if model.router:
            for pod in cluster.pods_of(model.router.namespace, selector(model.router.name)):
                if pod.phase == "Running":
                    yield LogKey(pod.namespace, pod.name, ROUTER)


def _restarted(pod: Pod) -> Iterator[LogKey]:
    for container in pod.containers:
        if container.restarts:
            yield LogKey(pod.namespace, pod.name, container.name, previous=True)


def line_with(pattern: re.Pattern[str], text: str) -> str:
    """The first line that tells it, shortened; empty where none does."""
    found = next((line.strip() for line in text.splitlines() if pattern.search(line)), "")
    return found if len(found) <= 200 else f"{found[:200]} ..."


def cause(text: str) -> tuple[str, str]:
    """The known cause that a log tells of and the line that tells it; both empty where it tells of none."""
    for name, pattern in FAULTS.items():
        if line := line_with(pattern, text):
            return name, line
    return "", ""
