"""What cannot be made again is not deleted by a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.rules import Finding
from infra.policy.check import CheckSet, Found
from infra.policy.checks.exposure import EKS, EKS_COMPONENT
from infra.policy.resource import Stack

protection = CheckSet()

STATEFUL: Final = {
    "aws:fsx/lustreFileSystem:LustreFileSystem": "it holds the weights, and hours of fetching them",
    "aws:kms/key:Key": "without it the cluster's secrets cannot be read",
    "aws:s3/bucket:Bucket": "its objects go with it",
    "aws:amp/workspace:Workspace": "the history of all metrics goes with it",
    "aws-native:sagemaker:Cluster": "its nodes hold capacity that may not come back",
    EKS: "everything in the cluster goes with it",
    EKS_COMPONENT: "everything in the cluster goes with it",
}
"""Types whose loss no second `pulumi up` makes good, and why."""


def is_protected(stack: Stack) -> bool:
    """Whether the stack is to be protected. Where nobody says, it is if anything stateful in it is: protection is one
    policy of the whole stack, so that a gap in it is a fault.
    """
    if stack.protect is not None:
        return stack.protect
    return any(resource.protect for resource in stack.of_type(*STATEFUL))


@protection.check("protection.stateful", source="one policy guards what holds state")
def stateful_resources_are_guarded(stack: Stack) -> Iterator[Found]:
    """In a protected stack what holds state is protected, and outlives its removal from the program."""
    if not is_protected(stack):
        return
    for resource in stack.of_type(*STATEFUL):
        why = STATEFUL[resource.type]
        if not resource.protect:
            yield resource, Finding("", f"not protected, and {why}", "register it with the options of `stateful()`")
        if resource.retain_on_delete is False:
            yield resource, Finding("", f"not retained, and {why}", "register it with the options of `stateful()`")
