"""Receivers of alerts: bad settings, and what good ones make."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.identity.policies import wildcards
from components.monitoring.alertmanager import secret_files
from components.monitoring.component import Monitoring
from components.monitoring.settings import MonitoringSettings, rules
from components.rules import Problem
from infra.settings import validate
from tests.support import Recording, context, run
from tests.whole.stack.test_alerts import raw

SLACK = {"name": "chat", "slack": {"urlSecret": "slackUrl", "channel": "#inference"}}
PAGER = {"name": "pager", "severities": ["critical"], "pagerDuty": {"routingKeySecret": "pagerKey"}}
TOPIC = {"name": "topic", "sns": {"topicArn": "arn:aws:sns:us-east-1:123456789012:alerts"}}
HEARTBEAT = {"urlSecret": "heartbeatUrl"}


def settings(*receivers: dict[str, Any], **more: Any) -> MonitoringSettings:
    return MonitoringSettings.model_validate({"alertmanager": {"receivers": list(receivers), **more}})


def problems(chosen: MonitoringSettings) -> list[Problem]:
    return [problem for rule in rules.rules for problem in rule.run("monitoring", chosen)]


@pytest.mark.parametrize(
    ("chosen", "path", "message"),
    [
        (settings({"name": "x"}, heartbeat=HEARTBEAT), "receivers[0]", "x has none of slack, pagerDuty and sns"),
        (settings({**SLACK, **PAGER}, heartbeat=HEARTBEAT), "receivers[0]", "pager has slack and pagerDuty"),
        (settings(SLACK, {**TOPIC, "name": "chat"}, heartbeat=HEARTBEAT), "receivers[1].name", "chat is taken"),
        (settings({**SLACK, "name": "heartbeat"}, heartbeat=HEARTBEAT), "receivers[0].name", "heartbeat is taken"),
        (settings(), "receivers", "alerts stay in Alertmanager and reach nobody"),
        (settings(SLACK), "heartbeat", "nobody is told when monitoring itself is gone"),
    ],
)
def test_a_receiver_that_cannot_be_is_told(chosen: MonitoringSettings, path: str, message: str) -> None:
    (problem,) = problems(chosen)
    assert problem.path == f"monitoring.alertmanager.{path}"
    assert problem.message == message
    assert problem.fix


def test_good_receivers_break_no_rule() -> None:
    assert problems(settings(SLACK, PAGER, TOPIC, heartbeat=HEARTBEAT)) == []


@pytest.mark.parametrize(
    ("receiver", "path", "message"),
    [
        ({"name": "a", "teams": {"url": "x"}}, "receivers[0].teams", "is not a known setting"),
        ({**TOPIC, "sns": {"topicArn": "arn:aws:sqs:us-east-1:1:x"}}, "receivers[0].sns.topicArn", "wrong form"),
        ({**SLACK, "severities": ["page"]}, "receivers[0].severities[0]", "'page' is not a choice"),
        (
            {**SLACK, "slack": {"urlSecret": "https://hooks.slack.com/x", "channel": "#a"}},
            "urlSecret",
            "looks like the secret itself, not its name",
        ),
    ],
)
def test_an_unknown_channel_is_refused_with_its_path(receiver: dict[str, Any], path: str, message: str) -> None:
    found = validate(raw("dev") | {"monitoring": {"alertmanager": {"receivers": [receiver]}}})
    (problem,) = [error for error in found.errors if path in error.path]
    assert problem.path.startswith("monitoring.alertmanager.receivers[0]")
    assert message in problem.message


def test_keys_that_are_not_there_are_told_each_by_its_path() -> None:
    chosen = {"alertmanager": {"receivers": [SLACK, PAGER, TOPIC], "heartbeat": HEARTBEAT}}
    at = "monitoring.alertmanager"
    wanted = [
        f"{at}.receivers[0].slack.urlSecret",
        f"{at}.receivers[1].pagerDuty.routingKeySecret",
        f"{at}.heartbeat.urlSecret",
    ]
    found = validate(raw("dev") | {"monitoring": chosen})
    missing = [error for error in found.errors if error.rule == "alertmanager.unknown-secret"]
    assert [error.path for error in missing] == wanted
    assert missing[0].message == "the stack has no secret slackUrl"
    complete = raw("dev") | {"monitoring": chosen, "secrets": ["slackUrl", "pagerKey", "heartbeatUrl"]}
    assert validate(complete).errors == ()


def made(chosen: MonitoringSettings) -> Recording:
    keys = {file: f"value-of-{name}" for file, name in secret_files(chosen.alertmanager).items()}
    return run(lambda: Monitoring("monitoring", context(), chosen, receiver_secrets=keys, cluster_name="c"))


def test_keys_are_files_of_a_secret_and_nowhere_else() -> None:
    recording = made(settings(SLACK, PAGER, heartbeat=HEARTBEAT))
    secret = recording.one("kubernetes:core/v1:Secret")
    assert secret.inputs["metadata"]["name"] == "alertmanager-receivers"
    assert secret.secret_paths == ["stringData"]
    values = recording.one("kubernetes:helm.sh/v3:Release").inputs["values"]
    assert values["alertmanager"]["alertmanagerSpec"]["secrets"] == ["alertmanager-receivers"]
    assert "value-of-" not in json.dumps(values)
    assert recording.depends(recording.one("kubernetes:helm.sh/v3:Release"), secret)


def test_only_a_topic_takes_a_role_which_can_publish_to_it_alone() -> None:
    recording = made(settings(TOPIC, heartbeat=HEARTBEAT))
    (policy,) = recording.of_type("aws:iam/rolePolicy:RolePolicy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["sns:Publish"]
    assert statement["Resource"] == ["arn:aws:sns:us-east-1:123456789012:alerts"]
    assert wildcards(policy.inputs["policy"]) == []
    (association,) = recording.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    release = recording.one("kubernetes:helm.sh/v3:Release")
    account = release.inputs["values"]["alertmanager"]["serviceAccount"]["name"]
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("monitoring", account)
    assert recording.depends(release, association)
    assert made(settings(SLACK)).of_type("aws:iam/role:Role") == []


def test_without_alertmanager_no_key_is_asked_for() -> None:
    assert secret_files(settings(SLACK, enabled=False).alertmanager) == {}
    assert made(settings(TOPIC, enabled=False)).of_type("aws:iam/role:Role") == []
