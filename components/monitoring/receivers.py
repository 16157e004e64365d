"""Settings of Alertmanager: `monitoring.alertmanager`. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.settings import DnsLabel, Settings

SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
"""Name of a secret of the stack's configuration."""

TopicArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$", max_length=300)
]


class SlackSettings(Settings):
    """A Slack channel, by an incoming webhook."""

    url_secret: SecretName
    """Name under `secrets` of the webhook's URL: who has it can write to the channel."""
    channel: Annotated[str, StringConstraints(pattern=r"^[#@]?[a-z0-9._-]+$", max_length=80)]
    """Channel, e.g. `#inference-alerts`."""


class PagerDutySettings(Settings):
    """A PagerDuty service, by its Events API v2 integration."""

    routing_key_secret: SecretName
    """Name under `secrets` of the integration key."""


class SnsSettings(Settings):
    """An SNS topic. Alertmanager's pods may publish to it and do nothing else; no credential is stored."""

    topic_arn: TopicArn
    """ARN of the topic. One that is encrypted with a key of yours needs `kms:GenerateDataKey*` and `kms:Decrypt` for
    the role in the key's policy."""


class ReceiverSettings(Settings):
    """Someone who is told of alerts, in one way."""

    name: DnsLabel
    """Name of the receiver."""
    severities: Annotated[list[Literal["critical", "warning", "info"]], Field(min_length=1)] = ["critical", "warning"]
    """Of what they are told: `critical` wakes someone, `warning` can wait for the morning, `info` is for looking up."""
    slack: SlackSettings | None = None
    """A Slack channel."""
    pager_duty: PagerDutySettings | None = None
    """A PagerDuty service."""
    sns: SnsSettings | None = None
    """An SNS topic."""

    @property
    def secret(self) -> str | None:
        """Name of the secret that it needs, if any."""
        if self.slack:
            return self.slack.url_secret
        return self.pager_duty.routing_key_secret if self.pager_duty else None


class HeartbeatSettings(Settings):
    """A dead man's switch: a service that is called while monitoring works, and tells when the calls stop."""

    url_secret: SecretName
    """Name under `secrets` of the URL to call, e.g. of healthchecks.io or Dead Man's Snitch."""
    every_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    """Minutes between calls; let the service wait for twice that."""


class AlertmanagerSettings(Settings):
    """Alertmanager, which groups alerts and sends them."""

    enabled: bool = True
    """Run Alertmanager."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Alertmanager pods; they gossip, so that two send each alert once."""
    storage_gib: Annotated[int, Field(ge=1, le=100, alias="storageGiB")] = 2
    """Size of the volume of each pod, which remembers silences."""
    receivers: Annotated[list[ReceiverSettings], Field(max_length=20)] = []
    """Who is told, by Slack, PagerDuty or SNS."""
    heartbeat: HeartbeatSettings | None = None
    """Who is told when monitoring itself is gone."""
