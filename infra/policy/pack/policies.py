"""Each check as a policy: one that looks at a resource by itself runs before the resource is made, one that needs the
whole stack runs over all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import proxy as sdk

from components.rules import Finding
from infra.offline.program import PROJECT
from infra.offline.recording import Unknown
from infra.policy.check import Check
from infra.policy.resource import Resource, Stack
from infra.policy.run import CHECKS

_UNKNOWNS = frozenset(
    {
        sdk.UNKNOWN_ARCHIVE_VALUE,
        sdk.UNKNOWN_ARRAY_VALUE,
        sdk.UNKNOWN_ASSET_VALUE,
        sdk.UNKNOWN_BOOLEAN_VALUE,
        sdk.UNKNOWN_NUMBER_VALUE,
        sdk.UNKNOWN_OBJECT_VALUE,
        sdk.UNKNOWN_STRING_VALUE,
    }
)
_PROTECT = PolicyConfigSchema(
    properties={"protect": {"type": "boolean", "description": "Whether the stack is to be protected."}}
)


def policies() -> list[Policy]:
    """A policy for each check."""
    inputs: Inputs = {}
    return [_resource_policy(check, inputs) if check.types else _stack_policy(check, inputs) for check in CHECKS]


def policy_name(check: Check) -> str:
    """The name of a check's policy: `gpu-efa-count`."""
    return check.id.replace(".", "-")


Inputs = dict[str, Mapping[str, Any]]
"""Inputs by URN, remembered as the resources pass by: of a whole stack the engine shows the outputs, in which a preview
leaves out what the provider does not know yet.
"""


def _resource_policy(check: Check, inputs: Inputs) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        inputs[args.urn] = plain(args.props)
        resource = _resource(args, inputs)
        if check.applies(resource):
            for finding in check.look(resource):
                report(_message(finding), None)

    return ResourceValidationPolicy(policy_name(check), check.summary, validate, _level(check))


def _stack_policy(check: Check, inputs: Inputs) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = (_resource(resource, inputs) for resource in args.resources)
        for resource, finding in check.look(Stack(resources, protect=_protect(args.get_config()))):
            report(_message(finding), resource.urn)

    return StackValidationPolicy(policy_name(check), check.summary, validate, _level(check), _PROTECT)


def _level(check: Check) -> EnforcementLevel:
    return EnforcementLevel(check.level.value)


def _message(finding: Finding) -> str:
    return f"{finding.path or 'the resource'}: {finding.message}; {finding.fix}"


def _protect(config: Mapping[str, Any] | None) -> bool | None:
    """Whether the stack is to be protected: as the pack's configuration says, else the stack's, else nobody knows."""
    chosen = (config or {}).get("protect")
    return chosen if isinstance(chosen, bool) else pulumi.Config(PROJECT).get_bool("protect")


def _resource(seen: ResourceValidationArgs | PolicyResource, inputs: Inputs) -> Resource:
    """What the engine shows, as the checks read it."""
    depends: Mapping[str, Iterable[PolicyResource]] = getattr(seen, "property_dependencies", {})
    props = inputs[seen.urn] if seen.urn in inputs else plain(seen.props)
    return Resource(
        urn=seen.urn,
        type=seen.resource_type,
        name=seen.name,
        props=props,
        protect=seen.opts.protect,
        complete=bool(props),
        depends={name: tuple(resource.urn for resource in made_from) for name, made_from in depends.items()},
    )


def plain(value: Any) -> Any:
    """A property without the SDK's proxy, which would end a whole policy at the first unknown that it reads."""
    if isinstance(value, (sdk._DictProxy, sdk._ListProxy)):
        return plain(value["__target"])
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return Unknown() if value in _UNKNOWNS else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
