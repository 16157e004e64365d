"""The table of models; its rows are in `dense_models`, `moe_models` and `vision_models` beside it, each with its
source. A model outside it is described by its own `config.json` (`components.facts.model_config`).
"""

from __future__ import annotations

import difflib
from functools import cache

from components.facts.dense_models import dense_models
from components.facts.model_facts import ModelFacts
from components.facts.moe_models import moe_models
from components.facts.vision_models import vision_models


class UnknownModel(KeyError):
    """No such model in the table; `close` holds the ids most like it, best first."""

    def __init__(self, id: str, close: list[str]) -> None:
        self.id = id
        self.close = close
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        super().__init__(f"{id} is not in the model table{hint}")

    def __str__(self) -> str:
        return self.args[0]


@cache
def models() -> dict[str, ModelFacts]:
    """Every known model by its Hugging Face id."""
    return {row.id: row for row in (*dense_models(), *moe_models(), *vision_models())}


def find_model(id: str) -> ModelFacts | None:
    """The row of a Hugging Face id, in any case, or None."""
    return models().get(id) or _by_lower_case().get(id.lower())


def model(id: str) -> ModelFacts:
    """The row of a Hugging Face id; raises `UnknownModel` with the closest ids."""
    found = find_model(id)
    if found is None:
        close = difflib.get_close_matches(id, models(), n=3, cutoff=0.5)
        raise UnknownModel(id, close)
    return found


@cache
def _by_lower_case() -> dict[str, ModelFacts]:
    return {row.id.lower(): row for row in models().values()}
