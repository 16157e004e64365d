"""The way in: what the load balancer controller is told."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from components.serving.entry.ingress import ingress, ingress_annotations, order
from components.serving.entry.settings import EntrySettings

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


SHARES = {"r1-api": 100}


def told(grace: int = 900, shares: dict[str, int] = SHARES, **settings: Any) -> dict[str, str]:
    made = ingress_annotations(
        EntrySettings.model_validate(settings),
        group="prod-inference",
        grace_period_seconds=grace,
        inbound_cidrs=["10.0.0.0/16"],
        shares=shares,
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
    spec = ingress(EntrySettings(host="r1.example.com"), SHARES)
    (rule,) = spec["rules"]
    assert rule["host"] == "r1.example.com"
    assert rule["http"]["paths"][0]["backend"] == {"service": {"name": "r1-api", "port": {"number": 30000}}}


def backends(entry: EntrySettings, paths: tuple[str, ...] = ("/",)) -> dict[str, dict[str, Any]]:
    """Where each path of the Ingress leads."""
    (rule,) = ingress(entry, SHARES, paths)["rules"]
    return {path["path"]: path["backend"]["service"] for path in rule["http"]["paths"]}


def test_a_path_comes_before_the_apis_own_paths() -> None:
    entry = EntrySettings(host="m.example.com", path="/r1")
    assert list(backends(entry)) == ["/r1"]
    assert list(backends(entry, ("/v1/models", "/generate"))) == ["/r1/v1/models", "/r1/generate"]


def test_the_path_is_taken_off_again() -> None:
    made = told(host="m.example.com", path="/team-a/r1")
    (transform,) = json.loads(made["transforms.r1-api"])
    assert transform["type"] == "url-rewrite"
    (rewrite,) = transform["urlRewriteConfig"]["rewrites"]
    replaced = rewrite["replace"].replace("$1", r"\1")
    assert re.sub(rewrite["regex"], replaced, "/team-a/r1/v1/models?x=1") == "/v1/models?x=1"
    assert re.sub(rewrite["regex"], replaced, "/other/v1/models") == "/other/v1/models"


def test_without_a_path_nothing_is_rewritten() -> None:
    assert not any(name.startswith("transforms.") for name in told(host="m.example.com"))


def test_requests_are_split_by_an_action_that_the_ingress_names() -> None:
    traffic = {"r1": 95, "r1-next": 5}
    shares = {"r1-api": 95, "r1-next-api": 5}
    made = told(shares=shares, path="/r1", traffic=traffic)
    action = json.loads(made["actions.versions"])
    assert action["type"] == "forward"
    groups = action["forwardConfig"]["targetGroups"]
    assert {group["serviceName"]: group["weight"] for group in groups} == shares
    assert {group["servicePort"] for group in groups} == {30000}
    assert "transforms.versions" in made
    named = backends(EntrySettings(traffic=traffic))["/"]
    assert named == {"name": "versions", "port": {"name": "use-annotation"}}


def test_the_more_exact_rule_is_asked_first() -> None:
    entries = [
        EntrySettings(host="a.example.com", path="/x/y"),
        EntrySettings(host="a.example.com", path="/x"),
        EntrySettings(host="a.example.com"),
        EntrySettings(host="*.team.example.com", path="/x"),
        EntrySettings(host="*.team.example.com"),
        EntrySettings(host="*.example.com", path="/x"),
        EntrySettings(host="*.example.com"),
        EntrySettings(path="/x"),
        EntrySettings(),
    ]
    places = [order(entry) for entry in entries]
    assert all(before < after for before, after in pairwise(places))
    assert places[0] >= -1000
    assert places[-1] <= 1000
    assert "group.order" not in told(host="a.example.com")
    assert told()["group.order"] == str(places[-1])
