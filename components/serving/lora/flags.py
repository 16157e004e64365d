"""What adapters add to the command line, and to what is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.serving.engine.places import Companion, Places
from components.serving.engine.typed import Said

if TYPE_CHECKING:
    from components.serving.engine.settings import ArgumentValue
    from components.serving.lora.settings import AdapterSettings, LoraSettings


def said(settings: LoraSettings, places: Places) -> Iterator[Said]:
    """The flags that switch adapters on, and that load those which are there from the start."""
    yield Said("lora", (("--enable-lora", True),))
    if settings.adapters:
        paths: ArgumentValue = [_loaded(adapter, places) for adapter in settings.adapters]
        yield Said("lora.adapters", (("--lora-paths", paths),))


def companions(settings: LoraSettings) -> Iterator[Companion]:
    """The adapters that come from the hub."""
    for adapter in settings.adapters:
        if adapter.model and not adapter.path:
            yield Companion(adapter.model, adapter.revision)


def _loaded(adapter: AdapterSettings, places: Places) -> str:
    path = places.file(adapter.path) if adapter.path else places.hub(adapter.model or "", adapter.revision)
    if not adapter.pinned:
        return f"{adapter.name}={path}"
    return json.dumps({"lora_name": adapter.name, "lora_path": path, "pinned": True})
