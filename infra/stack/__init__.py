"""What is deployed, in the order in which it comes into being: read `infra.stack.narrative` first."""

from infra.stack.narrative import deploy

__all__ = ["deploy"]
