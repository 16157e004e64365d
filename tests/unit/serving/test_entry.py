"""The way in: what the load balancer controller is told."""

from __future__ import annotations

from typing import Any

from components.serving.entry.ingress import ingress, ingress_annotations
from components.serving.entry.settings import EntrySettings

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def told(grace: int = 900, **settings: Any) -> dict[str, str]:
    made = ingress_annotations(
        EntrySettings.model_validate(settings),
        group="prod-inference",
        grace_period_seconds=grace,
        inbound_cidrs=["10.0.0.0/16"],
    )
    return {name.removeprefix("alb.ingress.kubernetes.io/"): value for name, value in made.items()}


def test_it_stays_inside_unless_told_otherwise() -> None:
    assert told()["scheme"] == "internal"
    assert told()["inbound-cidrs"] == "10.0.0.0/16"


def test_targets_are_pods() -> None:
    assert told()["target-type"] == "ip"


def test_a_silent_stream_is_not_cut() -> None:
    assert "idle_timeout.timeout_seconds=3600" in told()["load-balancer-attributes"]


def test_a_leaving_engine_keeps_its_streams_as_long_as_it_drains() -> None:
    assert "deregistration_delay.timeout_seconds=900" in told(900)["target-group-attributes"]
    assert "deregistration_delay.timeout_seconds=3600" in told(7200)["target-group-attributes"]


def test_a_health_check_has_time_for_a_token() -> None:
    assert int(told()["healthcheck-timeout-seconds"]) >= 25
    assert int(told()["healthcheck-interval-seconds"]) > int(told()["healthcheck-timeout-seconds"])


def test_with_a_certificate_it_speaks_tls_alone() -> None:
    made = told(certificateArn=CERTIFICATE)
    assert made["certificate-arn"] == CERTIFICATE
    assert made["ssl-redirect"] == "443"
    assert "TLS13" in made["ssl-policy"]


def test_everything_of_the_host_goes_to_the_leaders() -> None:
    spec = ingress(EntrySettings(host="r1.example.com"), "r1-api")
    (rule,) = spec["rules"]
    assert rule["host"] == "r1.example.com"
    assert rule["http"]["paths"][0]["backend"] == {"service": {"name": "r1-api", "port": {"number": 30000}}}
