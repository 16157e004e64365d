"""Roles may do what they need and are taken by whom they are for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from components.aws.identity.policies import wildcards
from components.platform.load_balancer import policy as load_balancer
from components.rules import Finding
from infra.policy.check import CheckSet
from infra.policy.resource import Resource
from infra.policy.values import at, items, known, mapping, text

identity = CheckSet()

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
POLICY: Final = "aws:iam/policy:Policy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Statements, in their canonical text, that may be wider than the rest, and why."""

    reason: str
    statements: frozenset[str]


@cache
def exemptions() -> tuple[Exemption, ...]:
    """Every named reason for a wildcard."""
    return (
        Exemption(
            reason=f"the policy that the AWS Load Balancer Controller {load_balancer.VERSION} publishes, as it is",
            statements=frozenset(map(_canonical, load_balancer.statements())),
        ),
    )


def _canonical(statement: Mapping[str, Any]) -> str:
    return json.dumps(statement, sort_keys=True)


_UNBOUNDED: Final = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
"""Policies that AWS manages and that know no bounds; those called `...FullAccess` know none within their service."""


@identity.check("iam.wildcard", ROLE_POLICY, POLICY, ROLE, source="components/aws/identity/policies.py: wildcards")
def no_wildcard_without_a_reason(resource: Resource) -> Iterator[Finding]:
    """No statement allows a changing action on every resource, or every action of a service, without a named reason."""
    for path, document in _documents(resource):
        statements = [{} if _exempt(statement) else statement for statement in items(document.get("Statement"))]
        for fault in wildcards({"Statement": statements}):
            yield Finding(
                path, fault, "name the resources or give a condition; a wildcard needs a reason among the exemptions"
            )


def _exempt(statement: Mapping[str, Any]) -> bool:
    return any(_canonical(statement) in exemption.statements for exemption in exemptions())


@identity.check("iam.managed", ATTACHMENT, ROLE, source="docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html")
def no_unbounded_managed_policy(resource: Resource) -> Iterator[Finding]:
    """No role is given a policy of AWS' that knows no bounds."""
    attached = [("policyArn", resource.props.get("policyArn"))]
    attached += [("managedPolicyArns", arn) for arn in items(resource.props.get("managedPolicyArns"))]
    for path, arn in attached:
        name = (text(arn) or "").rpartition("/")[2]
        if name in _UNBOUNDED or name.endswith("FullAccess"):
            yield Finding(path, f"{name} knows no bounds", "write a policy with the actions that are needed")


@identity.check(
    "iam.trust",
    ROLE,
    "aws:s3/bucketPolicy:BucketPolicy",
    source="docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)
def nobody_in_particular_is_trusted(resource: Resource) -> Iterator[Finding]:
    """Nothing is allowed to everybody: neither a role nor a bucket."""
    path = "assumeRolePolicy" if resource.type == ROLE else "policy"
    for statement in items(_parsed(resource.props.get(path)).get("Statement")):
        if statement.get("Effect") != "Allow" or statement.get("Condition"):
            continue
        principal = statement.get("Principal")
        named = [value for values in mapping(principal).values() for value in items(values)]
        if principal == "*" or "*" in named:
            yield Finding(path, "allows everybody", "name the service, role or account")


def _documents(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The identity policies of a resource with their paths."""
    if resource.type == ROLE:
        for index, inline in enumerate(items(resource.props.get("inlinePolicies"))):
            yield f"inlinePolicies[{index}].policy", _parsed(at(inline, "policy"))
        return
    yield "policy", _parsed(resource.props.get("policy"))


def _parsed(document: Any) -> Mapping[str, Any]:
    if not known(document):
        return {}
    if isinstance(document, str):
        return mapping(json.loads(document))
    return mapping(document)
