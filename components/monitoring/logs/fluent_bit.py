"""Fluent Bit: what it reads, how it puts lines together, and where it sends them. Pure.

The chart takes the classic configuration as text; here it is data until the last step. Read and run with Fluent Bit
5.1.1: tests/contract/data/fluent-bit.json holds what it made of a recorded day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from components.monitoring.logs.plan import LOKI_URL, LogPlan, Writer
from components.platform.nodes import HEALTH_TOLERATION

SERVICE_ACCOUNT: Final = "fluent-bit"
PORT: Final = 2020
"""Port of Fluent Bit's own metrics and health."""
STATE: Final = "/var/lib/fluent-bit"
"""Where the container sees `STATE_ON_NODE`."""
STATE_ON_NODE: Final = "/var/lib/sglang-hyperpod/fluent-bit"
"""Offsets and what is not sent yet: on the node's disk, so that a restarted pod goes on where it was."""
SCRIPT: Final = "workload.lua"
LOG_FILES: Final = "/var/log/containers"
"""Links to the files of `/var/log/pods`, named `<pod>_<namespace>_<container>-<id>.log` by the kubelet."""

IDS: Final = ("request_id", "trace_id")
"""Fields of a record by which a request's log and its trace lead to each other."""

Section = tuple[str, tuple[tuple[str, str], ...]]
"""A section's name and its settings, in order; a name may come twice."""

TRACEBACK: Final = "sglang_traceback"
_START = r"/Traceback \(most recent call last\):\s*$/"
_INSIDE = r"/^(\s|$)/"
_LAST = r"/^(?!(INFO|WARNING|ERROR|DEBUG|CRITICAL):)[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning|Timeout)\b/"
_AFTER = (
    r"/^(\s|$|During handling of the above|The above exception was|CUDA kernel errors|For debugging consider|"
    r"Compile with|Search for|Device-side assert|Exception raised from|frame #\d+|terminate called|  what\(\))/"
)
_RULES: Final = (
    ("start_state", _START, "inside"),
    ("inside", _INSIDE, "inside"),
    ("inside", _LAST, "after"),
    ("after", _START, "inside"),
    ("after", _AFTER, "after"),
)
"""A Python traceback from its first line, which may follow the engine's own prefix, over the exception and what torch
says after it to the exceptions that it led to."""


def parsers() -> list[Section]:
    """The parser of JSON lines, and the one that keeps tracebacks whole."""
    json_line = (("Name", "json_line"), ("Format", "json"))
    rules = tuple(("Rule", f'"{state}" "{pattern}" "{following}"') for state, pattern, following in _RULES)
    traceback = (("Name", TRACEBACK), ("Type", "regex"), ("Flush_Timeout", "2000"), *rules)
    return [("PARSER", json_line), ("MULTILINE_PARSER", traceback)]


def service() -> Section:
    """Buffers are files; at most 64 of them, about 2 MB each, are in memory at a time."""
    return (
        "SERVICE",
        (
            ("Daemon", "Off"),
            ("Flush", "2"),
            ("Grace", "20"),
            ("Log_Level", "info"),
            ("Parsers_File", "/fluent-bit/etc/conf/custom_parsers.conf"),
            ("HTTP_Server", "On"),
            ("HTTP_Listen", "0.0.0.0"),  # noqa: S104 - the kubelet and Prometheus ask by the pod's address
            ("HTTP_Port", str(PORT)),
            ("Health_Check", "On"),
            ("storage.path", f"{STATE}/chunks"),
            ("storage.sync", "normal"),
            ("storage.checksum", "On"),
            ("storage.max_chunks_up", "64"),
            ("storage.backlog.mem_limit", "16M"),
            ("storage.metrics", "On"),
            ("storage.delete_irrecoverable_chunks", "On"),
        ),
    )


def inputs(namespaces: Sequence[str]) -> list[Section]:
    """The files of the containers of `namespaces`, from their beginning, or from where the last pod had read to."""
    return [
        (
            "INPUT",
            (
                ("Name", "tail"),
                ("Alias", namespace),
                ("Path", f"{LOG_FILES}/*_{namespace}_*.log"),
                ("Tag", "workload.<namespace>.<pod>.<container>"),
                (
                    "Tag_Regex",
                    r"/(?<pod>[a-z0-9-]+)_(?<namespace>[a-z0-9-]+)_(?<container>[a-z0-9-]+)-[a-z0-9]{64}\.log$",
                ),
                ("DB", f"{STATE}/{namespace}.db"),
                ("DB.locking", "true"),
                ("Read_from_Head", "On"),
                ("Refresh_Interval", "5"),
                ("Rotate_Wait", "30"),
                ("Buffer_Max_Size", "1M"),
                ("Skip_Long_Lines", "On"),
                ("multiline.parser", "cri"),
                ("storage.type", "filesystem"),
            ),
        )
        for namespace in namespaces
    ]


def filters() -> list[Section]:
    """Tracebacks in one record, JSON lines as fields, then place and redaction: nothing unredacted goes further."""
    return [
        (
            "FILTER",
            (
                ("Name", "multiline"),
                ("Match", "workload.*"),
                ("multiline.key_content", "log"),
                ("multiline.parser", TRACEBACK),
                ("mode", "parser"),
                ("buffer", "On"),
                ("flush_ms", "2000"),
                ("emitter_name", "tracebacks"),
                ("emitter_storage.type", "filesystem"),
                ("emitter_mem_buf_limit", "10M"),
            ),
        ),
        (
            "FILTER",
            (
                ("Name", "parser"),
                ("Match", "workload.*"),
                ("Key_Name", "log"),
                ("Parser", "json_line"),
                ("Reserve_Data", "On"),
            ),
        ),
        (
            "FILTER",
            (
                ("Name", "lua"),
                ("Match", "workload.*"),
                ("script", f"/fluent-bit/scripts/{SCRIPT}"),
                ("call", "workload"),
            ),
        ),
    ]


def output(plan: LogPlan, region: str) -> Section:
    """CloudWatch Logs with a stream a container, or Loki with few labels; tried until it is taken."""
    name = ("Match", "workload.*"), ("Alias", plan.destination)
    kept = (
        ("Retry_Limit", "no_limits"),
        ("storage.total_limit_size", f"{plan.settings.buffer_gib * 1024}M"),
        ("workers", "1"),
    )
    if plan.destination == "loki":
        host, _, port = LOKI_URL.removeprefix("http://").partition(":")
        labels = ["job=workload", "namespace=$namespace", "container=$container", "model=$model", "role=$role"]
        detail = [f"{field}=${field}" for field in ("pod", "group", "rank", "engine_version", *IDS)]
        return (
            "OUTPUT",
            (
                ("Name", "loki"),
                *name,
                ("Host", host),
                ("Port", port),
                ("Labels", ", ".join(labels)),
                ("structured_metadata", ", ".join(detail)),
                ("remove_keys", ", ".join(["namespace", "container", "model", "role", *_names(detail)])),
                ("line_format", "json"),
                ("compress", "gzip"),
                *kept,
            ),
        )
    return (
        "OUTPUT",
        (
            ("Name", "cloudwatch_logs"),
            *name,
            ("region", region),
            ("log_group_name", plan.group),
            ("log_stream_prefix", "unnamed-"),
            ("log_stream_template", "$pod.$container"),
            ("auto_create_group", "Off"),
            *kept,
        ),
    )


def _names(pairs: Sequence[str]) -> list[str]:
    return [pair.partition("=")[0] for pair in pairs]


def script(writers: Sequence[Writer]) -> str:
    """The Lua script, with what the stack's pods are called above it."""
    lines = [f"  [{json.dumps(writer.name)}] = {_table(writer)}," for writer in sorted(writers, key=lambda w: w.name)]
    body = (Path(__file__).parent / SCRIPT).read_text(encoding="utf-8")
    return "\n".join(["WORKLOADS = {", *lines, "}", "", body])


def _table(writer: Writer) -> str:
    fields = ", ".join(f"{name} = {json.dumps(value)}" for name, value in sorted(writer.fields.items()))
    ranked = "true" if writer.ranked else "false"
    return f"{{ ranked = {ranked}, fields = {{ {fields} }} }}"


def text(sections: Sequence[Section]) -> str:
    """Sections in Fluent Bit's classic format."""
    return "\n".join(line for section in sections for line in _lines(section))


def _lines(section: Section) -> Iterator[str]:
    title, settings = section
    yield f"[{title}]"
    width = max(len(name) for name, _ in settings)
    for name, value in settings:
        yield f"    {name:<{width}} {value}"
    yield ""


def values(plan: LogPlan, *, region: str, tolerations: Sequence[Mapping[str, Any]], metrics: bool) -> dict[str, Any]:
    """The chart's values. `tolerations` answer the taints of the GPU pools, where engines write; a node that HyperPod
    tests is read too. `metrics` says that the cluster has the ServiceMonitor kind.

    No Kubernetes API is asked: model, group and rank follow from the pod's name and the plan.
    """
    return {
        "kind": "DaemonSet",
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT, "automountServiceAccountToken": False},
        "rbac": {"create": False},
        "testFramework": {"enabled": False},
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        # The kubelet's files belong to root, and root without capabilities reads its own.
        "securityContext": {
            "runAsUser": 0,
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": plan.settings.memory_limit},
        },
        "tolerations": [*(dict(toleration) for toleration in tolerations), dict(HEALTH_TOLERATION)],
        "priorityClassName": "system-node-critical",
        "terminationGracePeriodSeconds": 30,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}},
        "serviceMonitor": {"enabled": metrics},
        "daemonSetVolumes": [
            {"name": "logs", "hostPath": {"path": "/var/log"}},
            {"name": "state", "hostPath": {"path": STATE_ON_NODE, "type": "DirectoryOrCreate"}},
        ],
        "daemonSetVolumeMounts": [
            {"name": "logs", "mountPath": "/var/log", "readOnly": True},
            {"name": "state", "mountPath": STATE},
        ],
        "luaScripts": {SCRIPT: script(plan.writers)},
        "config": {
            "service": text([service()]),
            "inputs": text(inputs(plan.namespaces)),
            "filters": text(filters()),
            "outputs": text([output(plan, region)]),
            "customParsers": text(parsers()),
        },
    }
