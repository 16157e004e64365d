"""The base of every component: its type token, its context, and the options of its children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pulumi

PROJECT = "sglang-hyperpod"


@dataclass(frozen=True, slots=True)
class Context:
    """What every component of one stack shares.

    `protect` is the stack's one protection policy: where it is set, what holds state (file systems, clusters, buckets,
    keys) cannot be deleted by a change, and outlives its removal from the program.
    """

    stack: str
    region: str
    cluster_name: str
    protect: bool
    tags: Mapping[str, str] = field(default_factory=dict)

    def named(self, name: str) -> dict[str, str]:
        """The stack's tags with a `Name`, for AWS resources that have no name of their own."""
        return {**self.tags, "Name": f"{self.cluster_name}-{name}"}


class Component(pulumi.ComponentResource):
    """A component resource with a frozen type token; children get their options from `child` and `stateful` alone.

    Subclasses set `token` (`sglang-hyperpod:aws:Network`): it is part of every child's URN, so a changed token would
    replace clusters. They end their constructor with `self.register_outputs(...)`.

    `after` are resources that some of the component's children have to wait for, those made with `child_after`. Never
    give a component `opts.depends_on` instead: all its children would wait, also roles that could be there already.
    """

    token: ClassVar[str]

    def __init__(
        self,
        name: str,
        ctx: Context,
        opts: pulumi.ResourceOptions | None = None,
        *,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(self.token, name, None, opts)
        self.name = name
        self.ctx = ctx
        self._after = list(after)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child: this component is its parent; providers are inherited from it."""
        return pulumi.ResourceOptions(parent=self, **options)

    def child_after(self, *others: pulumi.Resource, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child that waits for what the component was told to wait for, and for `others`."""
        return self.child(depends_on=[*self._after, *others], **options)

    def stateful(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child that holds state: guarded where the stack is protected."""
        return self.child(protect=self.ctx.protect, retain_on_delete=self.ctx.protect, **options)
