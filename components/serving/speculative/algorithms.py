"""The algorithms of speculative decoding, and since which release there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.facts.model_config import from_config
from components.facts.model_facts import ModelFacts
from components.facts.models import find_model

if TYPE_CHECKING:
    from components.serving.speculative.settings import DraftSettings


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm. `own`: the model's own prediction layers may draft; `separate`: a draft model may. `tree`: the
    draft may follow several alternatives."""

    name: str
    since: str
    own: bool
    separate: bool
    tree: bool


_TABLE: Final = (
    Algorithm("EAGLE", "0.5.8", own=True, separate=True, tree=True),
    Algorithm("NEXTN", "0.5.8", own=True, separate=True, tree=True),
    Algorithm("EAGLE3", "0.5.8", own=False, separate=True, tree=True),
    Algorithm("STANDALONE", "0.5.8", own=False, separate=True, tree=True),
    Algorithm("NGRAM", "0.5.8", own=False, separate=False, tree=True),
    Algorithm("DFLASH", "0.5.13.post1", own=False, separate=True, tree=False),
    Algorithm("DSPARK", "0.5.17", own=False, separate=True, tree=False),
)
"""sglang/srt/speculative/spec_info.py of each wheel. FROZEN_KV_MTP is chosen by the engine itself, UNO serves adapters
of its own on one GPU: neither is offered."""

ALGORITHMS: Final = {row.name: row for row in _TABLE}
"""Every algorithm by its name."""


def offered(version: str) -> list[str]:
    """The algorithms of a release."""
    return [row.name for row in _TABLE if at_least(version, row.since)]


def draft_facts(draft: DraftSettings | None) -> ModelFacts | None:
    """The numbers of a separate draft model: of its own configuration, else of the table; None for neither. Raises
    ValueError for a configuration that lacks something."""
    if draft is None or not (draft.model or draft.path):
        return None
    if draft.configuration is not None:
        return from_config(draft.model or draft.path or "", draft.configuration)
    return find_model(draft.model) if draft.model else None
