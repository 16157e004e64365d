"""PromQL in pieces that the dashboards share. Pure.

Engine series are told apart by the labels of the stack's own PodMonitors (`model`, `role`, `lws`, `group`, `rank`,
`engine_version`). In a model whose phases are apart, prefill and decode engines both see every request: what is counted
by request is taken from the others than prefill, or it would count twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.monitoring.dashboards.model import Query, State, Threshold, Variable
from components.monitoring.dashboards.parts import ModelPart

WINDOW = "[$__rate_interval]"
QUANTILES = (0.5, 0.95, 0.99)
ENGINES = 'model=~"$model",role=~"$role",group=~"$group",engine_version=~"$engine_version"'
"""Engines of the chosen models, roles, groups and releases."""
ANSWERING = 'model=~"$model",role!="prefill",engine_version=~"$engine_version"'
"""Engines that answer: their counts are the clients'."""
COMPUTING = 'model=~"$model",role!="decode",engine_version=~"$engine_version"'
"""Engines that compute prompts."""
ROUTERS = 'role="router",model=~"$model"'
API = 'endpoint=~"/v1/.*|/generate"'
"""Paths that do inference; probes and metrics are not."""

KV_FULL = (Threshold(0.85, "orange"), Threshold(0.95, "red"))
"""Share of the KV cache above which the engine is about to take requests back, and above which it does."""
UP = (State(0, "away", "red"), State(1, "answers", "green"))
TTFT_SECONDS = Threshold(5, "red")
ITL_SECONDS = Threshold(0.1, "red")
QUEUE_SECONDS = Threshold(0.5, "red")


def choices(*, single_model: bool = False, groups: bool = False, versions: bool = True) -> tuple[Variable, ...]:
    """The variables of engine dashboards, each over what those before leave; `groups` adds role and group, `versions`
    the engine's.
    """
    scraped = 'up{lws!=""'
    model = Variable("model", "Model", f"{scraped}}}", "model", single=single_model)
    chosen = f'{scraped},model=~"$model"'
    version = Variable("engine_version", "Engine version", f"{chosen}}}", "engine_version")
    if not groups:
        return (model, version)
    role = Variable("role", "Role", f"{chosen}}}", "role")
    chosen += ',role=~"$role"'
    lws = Variable("lws", "LeaderWorkerSet", f"{chosen}}}", "lws", hidden=True)
    group = Variable("group", "Group", f"{chosen}}}", "group")
    return (model, role, group, *([version] if versions else []), lws)


def rate(metric: str, selector: str, by: str = "model") -> str:
    """Increase per second, summed over all but the labels `by`."""
    return f"sum by ({by}) (rate({metric}{{{selector}}}{WINDOW}))"


def gauge(aggregate: str, metric: str, selector: str, by: str = "model") -> str:
    """A gauge, brought together by `sum`, `max`, `min` or `avg`."""
    return f"{aggregate} by ({by}) ({metric}{{{selector}}})"


def quantile(share: float, histogram: str, selector: str, by: str = "model") -> str:
    """A quantile of a histogram, over all series that share the labels `by`."""
    return f"histogram_quantile({share:g}, {rate(f'{histogram}_bucket', selector, f'{by}, le')})"


def quantiles(
    histogram: str, selector: str, by: str = "model", shares: Sequence[float] = QUANTILES
) -> tuple[Query, ...]:
    """A query for each quantile, its legend the labels `by` and the quantile."""
    return tuple(
        Query(quantile(share, histogram, selector, by), f"{legend(by)} p{share * 100:.0f}") for share in shares
    )


def share(part: str, whole: str) -> str:
    """`part` of `whole`, for whose series alone there is a value; nothing where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def legend(by: str) -> str:
    """The labels of a grouping as a legend."""
    words = {"group": "group {{group}}", "rank": "rank {{rank}}"}
    return " ".join(words.get(label, f"{{{{{label}}}}}") for label in (part.strip() for part in by.split(",")))


CHOSEN_PODS = "($lws)-($group)(-[0-9]+)?"
"""A regular expression of the names of the pods of the chosen groups."""


def pods_of(model: ModelPart) -> str:
    """A regular expression of the names of a model's pods: `<LeaderWorkerSet>-<group>[-<rank>]`."""
    names = "|".join(group.lws for group in model.groups)
    return f"({names})(-[0-9]+)+"
