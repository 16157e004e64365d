"""From settings to a typed plan, and from recorded resources to their order. Pure: imports no Pulumi."""

from infra.plan.resolve import Plan, resolve

__all__ = ["Plan", "resolve"]
