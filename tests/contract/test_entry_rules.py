"""What the load balancer controller makes of an entry's annotations is a listener rule that AWS takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.serving.entry.ingress import ingress, ingress_annotations
from components.serving.entry.settings import EntrySettings
from tests.contract.cloudformation import as_cloudformation, faults, schema

PREFIX = "alb.ingress.kubernetes.io/"
LISTENER_RULE = schema("AWS::ElasticLoadBalancingV2::ListenerRule")
SETTINGS: dict[str, Any] = {
    "host": "m.example.com",
    "path": "/team/r1",
    "traffic": {"r1": 95, "r1-next": 5},
}


def listener_rule(**changes: Any) -> dict[str, Any]:
    """The rule of the first path, put together as the controller does it: Services become target groups (its
    pkg/ingress/config_types.go and model_build_listener_rules.go, v3.5.0).
    """
    entry = EntrySettings.model_validate({**SETTINGS, **changes})
    shares = {"r1-api": 95, "r1-next-api": 5}
    annotations = ingress_annotations(
        entry, group="inference", grace_period_seconds=900, inbound_cidrs=["10.0.0.0/16"], shares=shares
    )
    (rule,) = ingress(entry, shares)["rules"]
    (path,) = rule["http"]["paths"]
    service = path["backend"]["service"]
    assert service["port"] == {"name": "use-annotation"}
    action = json.loads(annotations[f"{PREFIX}actions.{service['name']}"])
    for group in action["forwardConfig"]["targetGroups"]:
        group["targetGroupArn"] = (
            f"arn:aws:elasticloadbalancing:::{group.pop('serviceName')}:{group.pop('servicePort')}"
        )
    conditions = [
        {"field": "host-header", "hostHeaderConfig": {"values": [rule["host"]]}},
        {"field": "path-pattern", "pathPatternConfig": {"values": [path["path"], f"{path['path']}/*"]}},
    ]
    made = {
        "priority": 1,
        "conditions": conditions,
        "actions": [action],
        "transforms": json.loads(annotations[f"{PREFIX}transforms.{service['name']}"]),
    }
    return as_cloudformation(made, LISTENER_RULE)


def test_a_path_with_versions_is_a_rule_of_a_listener() -> None:
    made = listener_rule()
    assert faults(made, LISTENER_RULE) == []
    assert made["Transforms"][0]["UrlRewriteConfig"]["Rewrites"][0]["Replace"] == "/$1"
    assert [group["Weight"] for group in made["Actions"][0]["ForwardConfig"]["TargetGroups"]] == [95, 5]


@pytest.mark.parametrize("longest", [{"host": f"{'a' * 63}.{'b' * 60}.com", "path": f"/{'r' * 63}"}])
def test_the_longest_names_stay_within_what_a_condition_compares(longest: dict[str, str]) -> None:
    for condition in listener_rule(**longest)["Conditions"]:
        for config in ("HostHeaderConfig", "PathPatternConfig"):
            assert all(len(value) <= 128 for value in condition.get(config, {}).get("Values", []))


def test_a_transform_of_another_name_would_be_found() -> None:
    made = listener_rule()
    made["Transforms"][0]["Type"] = "rewrite"
    assert faults(made, LISTENER_RULE) == [
        "$.Transforms[0].Type: 'rewrite' is not one of ['host-header-rewrite', 'url-rewrite']"
    ]
