"""Service objectives of a model: `models[].objectives`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings import Settings

Share = Annotated[float, Field(gt=0, le=1)]


class ObjectiveSettings(Settings):
    """What clients may rely on over 30 days. The share that may miss is the error budget; alerts tell when it burns too
    fast. The defaults are the HyperPod guide's performance checklist.
    """

    enabled: bool = True
    """Record the objectives and alert on them."""
    time_to_first_token_seconds: Annotated[float, Field(gt=0, le=3600)] = 5
    """Seconds within which the first token comes."""
    inter_token_seconds: Annotated[float, Field(gt=0, le=60)] = 0.1
    """Seconds between two tokens of one answer."""
    latency_ratio: Share = 0.95
    """Share of requests (and of tokens) within these times."""
    availability: Share = 0.99
    """Share of requests that are not answered 5xx."""
