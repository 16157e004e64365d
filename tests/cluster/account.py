"""What a cluster has to say for itself when a test fails."""

from __future__ import annotations

from tests.cluster.client import Client, Manifest, name_of
from tests.cluster.processes import Processes


def account(client: Client, processes: Processes) -> str:
    """What a person would look at first: warnings, pods that do not run, and the last lines of each program."""
    events = [_event(event) for event in client.find_all("v1", "Event") if event.get("type") == "Warning"]
    pods = [_pod(pod) for pod in client.find_all("v1", "Pod") if pod["status"].get("phase") != "Running"]
    logs = [f"--- {name}\n{processes.tail(name, 5)}" for name in processes.names()]
    return "\n".join(["events:", *events[-15:], "pods not running:", *pods[:15], *logs])


def _event(event: Manifest) -> str:
    about = event["involvedObject"]
    return f"  {about['kind']} {about.get('name')}: {event.get('reason')}: {event.get('message')}"


def _pod(pod: Manifest) -> str:
    conditions = [each.get("message", "") for each in pod["status"].get("conditions", [])]
    return f"  {name_of(pod)}: {pod['status'].get('phase')} {' '.join(conditions)}"
