"""What speculative decoding adds to the command line, and to what is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.serving.engine.places import Companion, Places
from components.serving.engine.typed import Said

if TYPE_CHECKING:
    from components.serving.speculative.settings import SpeculativeSettings


def said(settings: SpeculativeSettings, places: Places) -> Iterator[Said]:
    """The flags that name the draft model."""
    draft = settings.draft
    if draft is None:
        return
    if draft.path:
        yield Said("speculative.draft.path", (("--speculative-draft-model-path", places.file(draft.path)),))
    elif draft.model:
        path = places.hub(draft.model, draft.revision)
        yield Said("speculative.draft.model", (("--speculative-draft-model-path", path),))
        if draft.revision and not places.fetched:
            yield Said("speculative.draft.revision", (("--speculative-draft-model-revision", draft.revision),))


def companions(settings: SpeculativeSettings) -> Iterator[Companion]:
    """The draft, where it comes from the hub."""
    if settings.draft and settings.draft.model and not settings.draft.path:
        yield Companion(settings.draft.model, settings.draft.revision)
