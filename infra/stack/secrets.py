"""Secrets of the stack's configuration."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.base import PROJECT


def secrets(files: Mapping[str, str]) -> dict[str, pulumi.Output[str]]:
    """Secrets of the stack's configuration by the files that they become."""
    return {file: pulumi.Config(PROJECT).require_secret(name) for file, name in files.items()}


def secret(name: str | None) -> pulumi.Output[str] | None:
    """A secret of the stack's configuration by its name; the rules made sure that it is there."""
    return None if name is None else pulumi.Config(PROJECT).require_secret(name)
