"""The reader's hands: the user's own `kubectl`, with `get` and `logs` and no other verb.

`kubectl` and not a client library: an EKS kubeconfig runs `aws eks get-token`, companies add proxies and sign-on
plugins, and all of that works in the `kubectl` of whoever is on call, who needs it for the runbooks anyway. The stack's
few dependencies hold no Kubernetes client, and one more would have to follow each of those ways again.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.doctor.observed import LogKey

Run = Callable[[Sequence[str]], tuple[int, str, str]]
"""Runs a command; its exit status, standard output and standard error."""

REQUEST_SECONDS = 30
LOG_LINES = 400
LOG_BYTES = 2_000_000
"""The head of a log in bytes: NCCL says which network it took while the engine starts."""


class NoClusterError(Exception):
    """No cluster could be asked; the message says why and what to do."""


class UnreadError(Exception):
    """One thing could not be read; the message says why."""


class AbsentError(UnreadError):
    """The cluster does not know the kind."""


def run(command: Sequence[str]) -> tuple[int, str, str]:
    """Run a command of this machine. Raises `NoClusterError` where it is not installed or does not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=4 * REQUEST_SECONDS)  # noqa: S603 - own arguments
    except FileNotFoundError:
        raise NoClusterError("`kubectl` is not installed; https://kubernetes.io/docs/tasks/tools/ tells how") from None
    except subprocess.TimeoutExpired:
        raise NoClusterError(f"`{' '.join(command)}` has not ended after {4 * REQUEST_SECONDS} s") from None
    return done.returncode, done.stdout, done.stderr


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Asks one cluster: that of `kubeconfig` and `context`, else the one that `kubectl` itself would ask."""

    kubeconfig: Path | None = None
    context: str | None = None
    run: Run = run

    def version(self) -> str:
        """The API server's version. Raises `NoClusterError` where none answers."""
        status, output, error = self._ask("get", "--raw", "/version")
        if status:
            raise NoClusterError(_last_line(error) or "kubectl reaches no cluster")
        return str(json.loads(output)["gitVersion"])

    def every(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind, of all namespaces. Raises `AbsentError`, or `UnreadError` where it is forbidden."""
        status, output, error = self._ask("get", kind, "--all-namespaces", "--output=json")
        if status:
            raise _unread(error)
        return json.loads(output)["items"]

    def release_labels(self) -> str:
        """A table of Helm's release records. The server makes it and sends labels only: no secret's content is read."""
        arguments = ("get", "secrets", "--all-namespaces", "--selector=owner=helm")
        status, output, error = self._ask(*arguments, "--label-columns=name,status,version", "--no-headers")
        if status:
            raise _unread(error)
        return output

    def raw(self, path: str) -> str:
        """What the API server answers to a GET of a path. Raises `UnreadError`."""
        status, output, error = self._ask("get", "--raw", path)
        if status:
            raise _unread(error)
        return output

    def log(self, key: LogKey) -> str:
        """A part of a container's log. Raises `UnreadError`."""
        part = f"--limit-bytes={LOG_BYTES}" if key.from_start else f"--tail={LOG_LINES}"
        previous = ("--previous",) if key.previous else ()
        arguments = ("logs", key.pod, f"--namespace={key.namespace}", f"--container={key.container}", part, *previous)
        status, output, error = self._ask(*arguments)
        if status:
            raise _unread(error)
        return output

    def _ask(self, *arguments: str) -> tuple[int, str, str]:
        where = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        where += [f"--context={self.context}"] if self.context else []
        return self.run(("kubectl", *arguments, *where, f"--request-timeout={REQUEST_SECONDS}s"))


def _unread(error: str) -> UnreadError:
    reason = _last_line(error).removeprefix("Error from server ")
    absent = "doesn't have a resource type" in reason or "could not find the requested resource" in reason
    return AbsentError(reason) if absent else UnreadError(reason)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1].strip().removeprefix("error: ")
