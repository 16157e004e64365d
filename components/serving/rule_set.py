"""The one set to which the rooms of a model add their rules."""

from __future__ import annotations

from typing import Final

from components.rules import RuleSet

rules: Final = RuleSet("models")
"""The rules of one model, without its node pool; those that need the pool are in `infra.rules.serving`."""
