"""How `kubectl` is asked, and what becomes of its refusals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.doctor import parse
from infra.doctor.kubectl import AbsentError, Kubectl, NoClusterError, UnreadError
from infra.doctor.observed import LogKey, Release


def answering(status: int, output: str = "", error: str = "") -> tuple[Kubectl, list[str]]:
    asked: list[str] = []

    def run(command: Sequence[str]) -> tuple[int, str, str]:
        asked.append(" ".join(command))
        return status, output, error

    return Kubectl(Path("/home/me/config"), "prod", run), asked


def test_kubeconfig_and_context_are_handed_on() -> None:
    kubectl, asked = answering(0, '{"items": [{"kind": "Node"}]}')
    assert kubectl.every("node") == [{"kind": "Node"}]
    assert asked == [
        "kubectl get node --all-namespaces --output=json --kubeconfig=/home/me/config --context=prod "
        "--request-timeout=30s"
    ]


def test_a_log_is_asked_for_by_pod_and_container() -> None:
    kubectl, asked = answering(0, "hello")
    assert kubectl.log(LogKey("inference", "r1-0", "sglang", previous=True)) == "hello"
    assert asked[0].startswith("kubectl logs r1-0 --namespace=inference --container=sglang --tail=400 --previous ")
    kubectl.log(LogKey("inference", "r1-0", "sglang", from_start=True))
    assert "--limit-bytes=2000000" in asked[1]
    assert "--tail" not in asked[1]


@pytest.mark.parametrize(
    "error",
    [
        "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
        "Unable to connect to the server: dial tcp: lookup x.eks.amazonaws.com: no such host",
        'error: context "prod" does not exist',
        "error: You must be logged in to the server (Unauthorized)",
    ],
)
def test_no_answer_is_no_cluster(error: str) -> None:
    kubectl, _ = answering(1, error=f"E1121 memcache.go:265 noise\n{error}\n")
    with pytest.raises(NoClusterError, match=error.removeprefix("error: ").partition("(")[0]):
        kubectl.version()


def test_what_is_forbidden_is_unread_and_what_is_unknown_absent() -> None:
    kubectl, _ = answering(1, error='Error from server (Forbidden): nodes is forbidden: User "x" cannot list')
    with pytest.raises(UnreadError, match=r"nodes is forbidden"):
        kubectl.every("node")
    kubectl, _ = answering(1, error='error: the server doesn\'t have a resource type "certificate"')
    with pytest.raises(AbsentError):
        kubectl.every("certificate.v1.cert-manager.io")


def test_a_machine_without_kubectl_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoClusterError, match="`kubectl` is not installed"):
        Kubectl().version()


def test_the_newest_revision_of_a_release_counts() -> None:
    table = (
        "lws-system   sh.helm.release.v1.lws.v1   helm.sh/release.v1   1     1s    lws   superseded        1\n"
        "lws-system   sh.helm.release.v1.lws.v2   helm.sh/release.v1   1     1s    lws   pending-upgrade   2\n"
    )
    """As kubectl 1.32 printed it."""
    (release,) = parse.releases(table)
    assert release == Release(namespace="lws-system", name="lws", status="pending-upgrade", revision=2)
