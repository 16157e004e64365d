"""What pods of the engines' namespace may have."""

from __future__ import annotations

import json

from components.serving.namespace.plan import admission_binding, admission_policy, plan_namespace
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, R1, plan


def test_the_namespace_allows_what_the_models_need_together() -> None:
    both = plan_namespace([plan(R1), plan(QWEN_30B, instance_type="g6e.12xlarge")])
    assert both.capabilities == ("IPC_LOCK",)
    assert both.host_paths == ("/mnt/k8s-disks/0/sglang-cache",)
    assert both.repositories == ("public.ecr.aws/deep-learning-containers/sglang",)


def test_without_efa_no_capability_is_allowed() -> None:
    policy = admission_policy(plan_namespace([plan(QWEN_8B, instance_type="g6e.xlarge")]))
    (rule,) = [each for each in policy["validations"] if "capabilities that" in each["message"]]
    assert "name in []" in rule["expression"]


def test_paths_and_repositories_are_named_exactly() -> None:
    policy = admission_policy(plan_namespace([plan(R1)]))
    expressions = " ".join(each["expression"] for each in policy["validations"])
    assert 'v.hostPath.path in ["/mnt/k8s-disks/0/sglang-cache"]' in expressions
    assert "startsWith(r + ':')" in expressions


def test_the_policy_guards_this_namespace_alone_and_refuses_when_in_doubt() -> None:
    spaces = plan_namespace([plan(R1)])
    policy, binding = admission_policy(spaces), admission_binding(spaces)
    here = {"matchLabels": {"kubernetes.io/metadata.name": "inference"}}
    assert policy["matchConstraints"]["namespaceSelector"] == here
    assert binding["matchResources"]["namespaceSelector"] == here
    assert policy["failurePolicy"] == "Fail"
    assert "Deny" in binding["validationActions"]


def test_containers_added_later_are_seen_too() -> None:
    policy = admission_policy(plan_namespace([plan(R1)]))
    assert "pods/ephemeralcontainers" in json.dumps(policy["matchConstraints"])
    assert "ephemeralContainers" in policy["variables"][0]["expression"]


def test_every_expression_is_whole_and_asks_the_pod() -> None:
    policy = admission_policy(plan_namespace([plan(R1)]))
    for expression in (each["expression"] for each in (*policy["variables"], *policy["validations"])):
        assert all(expression.count(left) == expression.count(right) for left, right in ("()", "[]"))
        assert expression.count("'") % 2 == 0
        assert "object." in expression or "variables.containers" in expression


def test_a_pod_that_was_admitted_once_loses_its_finalizers_under_a_newer_policy() -> None:
    policy = admission_policy(plan_namespace([plan(R1)]))
    (condition,) = policy["matchConditions"]
    assert condition["expression"] == "request.operation == 'CREATE' || object.spec != oldObject.spec"
