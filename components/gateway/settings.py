"""Settings of the gateway: `gateway` in the stack file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from components.serving.entry.settings import EntrySettings
from components.serving.group.settings import GroupName
from components.settings import DnsLabel, PositiveInt, Quantity, Repository, Settings, Sha256Digest

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""What a client puts into `model`."""
Weight = Annotated[int, Field(ge=1, le=100)]


class GatewayImageSettings(Settings):
    """Where the gateway's image is pulled from; its release is the one whose configuration is known here."""

    repository: Repository | None = None
    """A mirror in your own registry; it carries the known tag."""
    digest: Sha256Digest | None = None
    """Digest of that tag's image."""


class BudgetSettings(Settings):
    """Dollars that may be spent in a period, by the `prices` of the gateway. The last answer may exceed it: a request
    is counted once it is answered. Counted in memory, each replica its part: a restart begins a new period.
    """

    dollars: Annotated[float, Field(gt=0, le=10_000_000)]
    """Dollars of the whole gateway; each replica enforces its part on its own, as with the limits of a key."""
    period_hours: Annotated[int, Field(ge=1, le=744)] = 24
    """Hours of a period; the first begins with the first request, the next with the first one after it."""


class KeyBudgetSettings(BudgetSettings):
    """What one key may spend on one name."""

    fallbacks: Annotated[list[ModelName], Field(max_length=5)] = []
    """Names that answer instead once it is spent, as far as the key has a budget for them left; without one that has,
    requests are refused with 429."""


class PriceSettings(Settings):
    """What a model's tokens count for in budgets. Nodes cost by the hour, used or not: what a token is worth is yours
    to say, e.g. the model's share of the stack's cost in a preview, divided by the tokens that it answers in an hour.
    """

    input_dollars_per_million: Annotated[float, Field(ge=0, le=10_000)]
    """Dollars for a million tokens of prompts."""
    output_dollars_per_million: Annotated[float, Field(ge=0, le=10_000)]
    """Dollars for a million tokens of answers."""


class KeySettings(Settings):
    """One client key and what it may do. Limits are of the whole gateway: each replica enforces its part of them on its
    own, so that they hold as well as the load balancer spreads requests. What is over is answered 429 with Retry-After.
    """

    name: DnsLabel
    """Whose it is: the label `api_key_alias` of metrics."""
    secret: str
    """Name under `secrets` of the key that the client sends."""
    models: list[ModelName] = []
    """Names that it may ask for; by default all."""
    requests_per_minute: PositiveInt | None = None
    """Requests that may begin in a minute."""
    tokens_per_minute: PositiveInt | None = None
    """Tokens, of prompts and answers, in a minute."""
    concurrent_requests: PositiveInt | None = None
    """Requests that may be under way at once."""
    budgets: dict[ModelName, KeyBudgetSettings] = {}
    """Budgets by the name that the key asks for; a name without one is not bounded. One over all names of a key, and
    one that outlives a restart, need LiteLLM's database, which the stack does not run."""


class ComplexitySettings(Settings):
    """A name of the gateway for each kind of prompt. LiteLLM's rules score a prompt by its length and words, in the
    gateway itself and within a millisecond; no model and no service is asked.
    """

    simple: ModelName
    """Greetings and plain questions."""
    medium: ModelName
    """What is neither plain nor hard."""
    complex: ModelName
    """Code, technical terms, several parts."""
    reasoning: ModelName
    """Proofs, analysis, step by step."""


class RouteSettings(Settings):
    """What answers to one name. With nothing but fallbacks it is the model that is served under that name."""

    to: dict[GroupName, Weight] = {}
    """Models of the stack and their weights, between which requests are drawn."""
    by_complexity: ComplexitySettings | None = None
    """Choose by the prompt instead: a small model for what it can answer, a large one for the rest."""
    fallbacks: Annotated[list[ModelName], Field(max_length=5)] = []
    """Names to ask in this order when all models of this one fail, or its budget is spent: a smaller model is better
    than no answer."""
    budget: BudgetSettings | None = None
    """What all keys together may spend on this name. It has one model then: the gateway counts by model of a name."""


class GatewayResourceSettings(Settings):
    """What one replica asks for; it needs no GPU and runs on the system pool."""

    cpu: Quantity = "1"
    """CPU request. There is no limit: a throttled gateway delays every token. One process serves on one core."""
    memory: Quantity = "2Gi"
    """Memory request and limit; the process takes 0.4 GiB before its first request (1.108.7, seen)."""


class GatewaySettings(Settings):
    """One address for all models: clients name a model in the request, as with any OpenAI-compatible service."""

    image: GatewayImageSettings = GatewayImageSettings()
    """Image of the gateway."""
    replicas: Annotated[int, Field(ge=1, le=20)] = 2
    """Gateways; one more survives a node."""
    keys: Annotated[list[KeySettings], Field(min_length=1, max_length=500)]
    """Client keys. A changed key restarts the gateways one by one, and no engine."""
    routes: dict[ModelName, RouteSettings] = {}
    """Names beside, or instead of, those under which the models are served."""
    prices: dict[GroupName, PriceSettings] = {}
    """What the tokens of a model count for, by its name in the stack; budgets need it."""
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    """Further attempts at the same name before its fallbacks; a model's routers make their own already."""
    request_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800
    """Seconds after which a request is given up, streams included."""
    resources: GatewayResourceSettings = GatewayResourceSettings()
    """CPU and memory of a replica."""
    entry: EntrySettings | None = None
    """The way in through the load balancer that models share; without it the gateway is of no use to anybody yet."""
