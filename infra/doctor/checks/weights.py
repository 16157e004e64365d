"""The jobs that fetch the weights. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components.rules import Severity
from components.words import count
from infra.doctor.check import Symptom, check
from infra.doctor.checks.pods import by_cause
from infra.doctor.expected import Expected
from infra.doctor.logs import PREFETCH, cause
from infra.doctor.observed import Cluster, Job, LogKey


@check("weights.fetch", page="download-timeout.md", reads=("job.v1.batch", "pod"))
def weights_do_not_arrive(expected: Expected, cluster: Cluster) -> Iterator[Symptom]:
    """The job that fetches a model's weights has failed or keeps failing: token, hub, or a file system that is full."""
    planned = {each.name for each in expected.objects if each.kind == "Job"}
    for job in cluster.jobs:
        if job.name not in planned or job.complete or not (job.failed or job.failures):
            continue
        name, line = _told(cluster, job)
        page, what, fix = by_cause(name) or (
            "",
            "it ends with an error",
            f"kubectl logs -n {job.namespace} job/{job.name}",
        )
        state = f"failed ({job.failed})" if job.failed else f"{count(job.failures, 'try', 'tries')} failed, it goes on"
        yield Symptom(
            f"job {job.namespace}/{job.name}",
            f"{state}: {what}{f': {line}' if line else ''}",
            fix,
            page=page,
            severity=Severity.ERROR if job.failed or name == "token" else Severity.WARNING,
        )


def _told(cluster: Cluster, job: Job) -> tuple[str, str]:
    pods = cluster.pods_of(job.namespace, {"batch.kubernetes.io/job-name": job.name})
    for pod in sorted(pods, key=lambda each: each.created, reverse=True):
        if (found := cause(cluster.logs.get(LogKey(pod.namespace, pod.name, PREFETCH), "")))[0]:
            return found
    return "", ""
