"""Alertmanager's configuration: who is told of what, and which alerts are only consequences of another. Pure.

No credential is in it: each is a file that the Secret `alertmanager-receivers` puts into the pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from components.monitoring.receivers import AlertmanagerSettings, ReceiverSettings

SECRET: Final = "alertmanager-receivers"
SECRET_FOLDER: Final = f"/etc/alertmanager/secrets/{SECRET}"
"""Where the Prometheus operator mounts that Secret."""

SERVICE_ACCOUNT: Final = "alertmanager"
HEARTBEAT: Final = "heartbeat"
NOBODY: Final = "nobody"

_FOLLOW_A_NODE: Final = (
    "ModelNotServing",
    "GroupStartOverdue",
    "GroupRecreatedRepeatedly",
    "NoHealthyWorker",
    "RouterCircuitOpen",
    "RouterErrorRateHigh",
    "ErrorRateHigh",
    "RequestsAborted",
    "PodsPendingForGpu",
    "KvTransferFailing",
    "KvBootstrapFailing",
    "TargetLost",
    "QueueGrowing",
    "TimeToFirstTokenHigh",
    "QueueTimeHigh",
    "ObjectiveBurningFast",
)
"""What a lost node does to the models that had pods on it."""

_SENTENCE: Final = "{{ (index .Alerts 0).Annotations.summary }}"
_LINES: Final = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "{{ with .Annotations.runbook_url }}Runbook: {{ . }}\n{{ end }}"
    "{{ with .Annotations.dashboard_url }}Dashboard: {{ . }}\n{{ end }}{{ end }}"
)


def config(settings: AlertmanagerSettings, *, cluster_name: str) -> dict[str, Any]:
    """The configuration file. Alerts that nobody is to be told of stay in Alertmanager's own list."""
    heartbeat = settings.heartbeat
    return {
        "global": {"resolve_timeout": "5m"},
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "namespace"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                _watchdog(heartbeat.every_minutes if heartbeat else None),
                {"receiver": NOBODY, "matchers": ['alertname="InfoInhibitor"']},
                *map(_route, settings.receivers),
            ],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [
            {"name": NOBODY},
            *([_heartbeat()] if heartbeat else []),
            *(_receiver(receiver, cluster_name) for receiver in settings.receivers),
        ],
    }


def secret_files(settings: AlertmanagerSettings) -> dict[str, str]:
    """The files that the configuration reads: name in the Secret -> name of the stack's secret."""
    if not settings.enabled:
        return {}
    files = {receiver.name: receiver.secret for receiver in settings.receivers if receiver.secret}
    return files | ({HEARTBEAT: settings.heartbeat.url_secret} if settings.heartbeat else {})


def _watchdog(every_minutes: int | None) -> dict[str, Any]:
    matchers = ['alertname="Watchdog"']
    if every_minutes is None:
        return {"receiver": NOBODY, "matchers": matchers}
    every = f"{every_minutes}m"
    # The interval between looks must not be longer than the one between messages.
    timing = {"group_wait": "0s", "group_interval": every, "repeat_interval": every}
    return {"receiver": HEARTBEAT, "matchers": matchers, **timing}


def _route(receiver: ReceiverSettings) -> dict[str, Any]:
    """One message per lost node, one per family and model, and the chart's own alerts by name and namespace."""
    return {
        "receiver": receiver.name,
        "matchers": [f'severity=~"{"|".join(receiver.severities)}"'],
        "continue": True,
        "repeat_interval": "4h" if receiver.severities == ["critical"] else "12h",
        "routes": [
            {"matchers": ['family="nodes"'], "group_by": ["node"]},
            {"matchers": ['family=~".+"'], "group_by": ["family", "model"]},
        ],
    }


def _inhibitions() -> list[dict[str, Any]]:
    """Missing labels count as equal, so each rule asks that the label be there on both sides."""
    followers = "|".join(_FOLLOW_A_NODE)
    return [
        {
            "source_matchers": ['alertname="NodeLost"'],
            "target_matchers": ['node=~".+"', 'alertname!="NodeLost"'],
            "equal": ["node"],
        },
        {
            "source_matchers": ['alertname="NodeLost"', 'model=~".+"'],
            "target_matchers": ['model=~".+"', f'alertname=~"{followers}"'],
            "equal": ["model"],
        },
        {
            "source_matchers": ['alertname="ModelNotServing"'],
            "target_matchers": ['model=~".+"', 'family=~"latency|errors|load|router|transfer|objectives"'],
            "equal": ["model"],
        },
        {
            "source_matchers": ['alertname="NoHealthyWorker"'],
            "target_matchers": ['alertname=~"RouterErrorRateHigh|RouterCircuitOpen|ObjectiveBurningFast"'],
            "equal": ["model"],
        },
        # As the chart has it for its own alerts.
        {
            "source_matchers": ['severity="critical"', 'family=""'],
            "target_matchers": ['severity=~"warning|info"', 'family=""'],
            "equal": ["namespace", "alertname"],
        },
        {
            "source_matchers": ['alertname="InfoInhibitor"'],
            "target_matchers": ['severity="info"', 'family=""'],
            "equal": ["namespace"],
        },
    ]


def _heartbeat() -> dict[str, Any]:
    hook = {"url_file": f"{SECRET_FOLDER}/{HEARTBEAT}", "send_resolved": False}
    return {"name": HEARTBEAT, "webhook_configs": [hook]}


def _receiver(receiver: ReceiverSettings, cluster_name: str) -> dict[str, Any]:
    title = f"[{cluster_name}] {_SENTENCE}"
    file = f"{SECRET_FOLDER}/{receiver.name}"
    configs: Mapping[str, Any] = {}
    if receiver.slack:
        text = {"title": f"{{{{ .Status }}}}: {title}", "text": _LINES, "send_resolved": True}
        configs = {"slack_configs": [{"api_url_file": file, "channel": receiver.slack.channel, **text}]}
    elif receiver.pager_duty:
        more = {"description": title, "severity": "{{ .CommonLabels.severity }}", "details": {"what": _LINES}}
        configs = {"pagerduty_configs": [{"routing_key_file": file, "send_resolved": True, **more}]}
    elif receiver.sns:
        # SNS takes a subject of 100 characters of ASCII, so the sentence goes into the message.
        text = {"subject": f"[{cluster_name}] {{{{ .Status }}}}", "message": _LINES, "send_resolved": True}
        signed = {"topic_arn": receiver.sns.topic_arn, "sigv4": {"region": receiver.sns.topic_arn.split(":")[3]}}
        configs = {"sns_configs": [{**signed, **text}]}
    return {"name": receiver.name, **configs}
