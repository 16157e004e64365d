"""Look-ups that can be answered without a cloud; every other one is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
"""The account that stands in for the real one where outputs are made up; AWS uses it in its documentation."""

_PARTITIONS = {"cn": ("aws-cn", "amazonaws.com.cn"), "us-gov": ("aws-us-gov", "amazonaws.com")}


class RefusedInvokeError(RuntimeError):
    """The program asks the cloud something that an offline run cannot know."""

    def __init__(self, token: str) -> None:
        known = ", ".join(sorted(_ANSWERS))
        super().__init__(
            f"{token} asks the cloud, which an offline preview cannot; take the value from the settings or from a "
            f"resource's output. Answered here: {known}"
        )


@dataclass(frozen=True, slots=True)
class Question:
    """One look-up: its arguments, the region of its provider, and whether outputs may be made up."""

    args: Mapping[str, Any]
    region: str
    preview: bool


def answer(token: str, question: Question) -> Mapping[str, Any] | None:
    """The result of a look-up, None where it is unknown in a preview. Raises `RefusedInvokeError`."""
    if token not in _ANSWERS:
        raise RefusedInvokeError(token)
    return _ANSWERS[token](question)


def _partition(question: Question) -> Mapping[str, Any]:
    names = next((v for k, v in _PARTITIONS.items() if question.region.startswith(k)), ("aws", "amazonaws.com"))
    partition, suffix = names
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": partition, "partition": partition, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _region(question: Question) -> Mapping[str, Any]:
    region = question.region
    return {"id": region, "name": region, "region": region, "endpoint": f"ec2.{region}.amazonaws.com"}


def _caller(question: Question) -> Mapping[str, Any] | None:
    if question.preview:
        return None
    return {"id": ACCOUNT, "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/preview", "userId": "AIDAEXAMPLE"}


_ANSWERS: dict[str, Callable[[Question], Mapping[str, Any] | None]] = {
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
}
