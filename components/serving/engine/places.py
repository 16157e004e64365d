"""Where an engine finds what its settings name: repositories of the hub, and files of the stack's file system. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.serving.weights.plan import folder


@dataclass(frozen=True, slots=True)
class Places:
    """`mount_path` is where pods see the file system, None where they see none; `fetched` says whether repositories of
    the hub are fetched onto it before an engine starts, else the engine fetches them itself.
    """

    mount_path: str | None = None
    fetched: bool = False

    def hub(self, model: str, revision: str | None) -> str:
        """What the engine is told for a repository of the hub."""
        return f"{self.mount_path}/{folder(model, revision)}" if self.fetched else model

    def file(self, path: str) -> str:
        """What the engine is told for a path on the file system."""
        return f"{self.mount_path or ''}{path}"


AS_WRITTEN: Final = Places()
"""Everything as the settings have it."""


@dataclass(frozen=True, slots=True)
class Companion:
    """A repository of the hub that an engine reads beside its model: a draft, an adapter."""

    model: str
    revision: str | None
