"""IAM policy documents as typed Python data, and a check that finds what grants too much.

Pure: imports no Pulumi, so that a policy pack and tests can use the same check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

VERSION = "2012-10-17"

READING_VERBS = ("BatchGet", "Describe", "List", "Get")
"""Verbs of reading actions, many of which AWS only grants on every resource (`ec2:DescribeInstances`)."""

UNSCOPED_ACTIONS = frozenset(
    {
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        "sts:GetCallerIdentity",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }
)
"""Actions that no resource can narrow and that are no reading verbs or change nothing of the account's own."""


class Statement(TypedDict):
    """One statement of a policy: either `Resource` (identity policies) or `Principal` (trust policies) is there."""

    Effect: str
    Action: list[str]
    Sid: NotRequired[str]
    Resource: NotRequired[list[Any]]
    Principal: NotRequired[dict[str, Any]]
    Condition: NotRequired[dict[str, dict[str, Any]]]


def allow(
    actions: Sequence[str],
    resources: Sequence[Any],
    *,
    sid: str | None = None,
    condition: Mapping[str, Mapping[str, Any]] | None = None,
) -> Statement:
    """A statement that allows `actions` on `resources` (ARNs, or outputs of them)."""
    statement: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    if sid:
        statement["Sid"] = sid
    if condition:
        statement["Condition"] = {operator: dict(values) for operator, values in condition.items()}
    return statement


def document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A policy document; for one without outputs, `json.dumps` of it is the text that IAM takes."""
    return {"Version": VERSION, "Statement": [dict(statement) for statement in statements]}


def service_trust(service: str, *actions: str) -> str:
    """The trust policy (JSON) of a role that an AWS service takes, e.g. `service_trust("eks.amazonaws.com")`."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions or ("sts:AssumeRole",)),
    }
    return json.dumps(document([statement]))


def pod_identity_trust() -> str:
    """The trust policy (JSON) of a role for pods.

    EKS Pod Identity tags the session with cluster, namespace and service account, so it needs `sts:TagSession` too
    (docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html).
    """
    return service_trust("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")


def wildcards(policy: Mapping[str, Any] | str) -> list[str]:
    """What a policy grants too widely, one sentence per fault; empty where there is none.

    A fault is an `Allow` of: every action; `NotAction` or `NotResource`; every action of a service; a changing action
    on every resource without a condition. Reading actions on every resource are no fault, since AWS narrows few.
    """
    parsed = json.loads(policy) if isinstance(policy, str) else policy
    statements = _listed(parsed.get("Statement"))
    return [fault for index, statement in enumerate(statements) for fault in _faults(index, statement)]


def _faults(index: int, statement: Mapping[str, Any]) -> Iterator[str]:
    if statement.get("Effect") != "Allow":
        return
    where = f"statement {statement.get('Sid') or index}"
    for key in ("NotAction", "NotResource"):
        if key in statement:
            yield f"{where}: {key} allows whatever it does not name"
    everywhere = "*" in _listed(statement.get("Resource")) and not statement.get("Condition")
    for action in _listed(statement.get("Action")):
        if action == "*":
            yield f"{where}: allows every action"
        elif action.endswith(":*"):
            yield f"{where}: allows every action of {action.removesuffix(':*')}"
        elif everywhere and not _reads(action):
            yield f"{where}: allows {action} on every resource without a condition"


def _reads(action: str) -> bool:
    verb = action.partition(":")[2]
    return action in UNSCOPED_ACTIONS or verb.startswith(READING_VERBS)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def partition(region: str) -> str:
    """The AWS partition of a region: `aws`, `aws-cn` or `aws-us-gov`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def managed_policy(name: str, region: str) -> str:
    """The ARN of a policy that AWS manages, e.g. `service-role/AmazonEBSCSIDriverPolicyV2`."""
    return f"arn:{partition(region)}:iam::aws:policy/{name}"
