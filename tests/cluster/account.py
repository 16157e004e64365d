"""What a cluster has to say for itself when a test fails."""

from __future__ import annotations

from tests.cluster.client import Client, Manifest, name_of
from tests.cluster.processes import Processes


def account(client: Client, processes: Processes) -> str:
    """What a person would look at first: warnings, pods that do not run, and the last lines of each program."""
    events = [_event(event) for event in client.find_all("v1", "Event") if event.get("type") == "Warning"]
    pods = [_pod(pod) for pod in client.find_all("v1", "Pod") if not _runs(pod)]
    logs = [f"--- {name}\n{processes.tail(name, 5)}" for name in processes.names()]
    return "\n".join(["events:", *events[-15:], "pods not running:", *pods[:15], *logs])


def _runs(pod: Manifest) -> bool:
    conditions = {each["type"]: each["status"] for each in _conditions(pod)}
    done = pod["status"].get("phase") == "Succeeded"
    return done or (conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"])


def _event(event: Manifest) -> str:
    about = event["involvedObject"]
    return f"  {about['kind']} {about.get('name')}: {event.get('reason')}: {event.get('message')}"


def _pod(pod: Manifest) -> str:
    conditions = [f"{each['type']}={each['status']} {each.get('message', '')}" for each in _conditions(pod)]
    leaving = "being deleted, " if "deletionTimestamp" in pod["metadata"] else ""
    node = pod["spec"].get("nodeName", "no node")
    return f"  {name_of(pod)} on {node}: {leaving}{pod['status'].get('phase')}; {'; '.join(conditions)}"


def _conditions(pod: Manifest) -> list[Manifest]:
    return pod["status"].get("conditions") or []
