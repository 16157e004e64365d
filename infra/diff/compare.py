"""Two previews held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from infra.diff.refusals import Refusal, refusals
from infra.diff.replacements import Replacement, depends_on_replaced, replacements
from infra.diff.resources import Json, Pair, pair
from infra.diff.values import PathChange, changes, shown
from infra.policy.checks.protection import STATEFUL


class Kind(StrEnum):
    """What happens to a resource."""

    REPLACED = "replaced"
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource.

    `paths` are the properties that differ, `because` those that replace it, `cause` the replaced resource that it
    depends on. `protected`: the update refuses to delete it. `retained`: it leaves the stack and stays in the cloud.
    """

    kind: Kind
    urn: str
    type: str
    name: str
    paths: tuple[PathChange, ...] = ()
    because: tuple[str, ...] = ()
    cause: str = ""
    protected: bool = False
    retained: bool = False

    @property
    def loss(self) -> str:
        """What is lost with a resource that holds state, empty for any other."""
        gone = self.kind in (Kind.REPLACED, Kind.REMOVED)
        return STATEFUL.get(self.type, "") if gone else ""


@dataclass(frozen=True, slots=True)
class CostChange:
    """Costs per hour that are known, before and after, and those lines that differ: item, before, after."""

    before: float
    after: float
    currency: str
    lines: tuple[tuple[str, float | None, float | None], ...] = ()

    @property
    def difference(self) -> float:
        """More (or less) per hour."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs between two previews of a stack. `unchanged` counts resources."""

    stack: str
    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
    cost: CostChange
    warnings_added: tuple[Json, ...] = ()
    warnings_removed: tuple[Json, ...] = ()
    unchanged: int = 0

    def of(self, kind: Kind) -> list[Change]:
        """The changes of a kind."""
        return [change for change in self.changes if change.kind is kind]

    @property
    def nothing(self) -> bool:
        """Whether the stack stays as it is."""
        return not self.changes


def compare(before: Json, after: Json) -> Comparison:
    """Compare two previews as `preview --json` writes them."""
    paired = pair(before["resources"], after["resources"])
    replaced = replacements(paired.both)
    found = [change for both in paired.both if (change := _changed(both, replaced, paired.urns))]
    found += [_whole(Kind.ADDED, resource) for resource in paired.added]
    found += [_whole(Kind.REMOVED, resource) for resource in paired.removed]
    order = list(Kind)
    return Comparison(
        stack=after["stack"],
        changes=tuple(sorted(found, key=lambda change: order.index(change.kind))),
        refusals=tuple(refusals(paired)),
        cost=_cost(before, after),
        warnings_added=tuple(_only(after, before)),
        warnings_removed=tuple(_only(before, after)),
        unchanged=len(paired.both) + len(paired.added) + len(paired.removed) - len(found),
    )


def _changed(both: Pair, replaced: Mapping[str, Replacement], urns: Mapping[str, str]) -> Change | None:
    """What happens to a resource that is in both previews, None where nothing does."""
    ignored = both.after.get("ignore_changes", ())
    differing = [
        change
        for change in changes(both.before["inputs"], both.after["inputs"])
        if not any(change.path == path or change.path.startswith((f"{path}.", f"{path}[")) for path in ignored)
    ]
    differing += [
        PathChange(option, shown(both.before.get(option)), shown(both.after.get(option)))
        for option in ("protect", "retain_on_delete")
        if both.before.get(option) != both.after.get(option)
    ]
    reason = replaced.get(both.urn)
    if reason is None:
        differing += _passed_on(both.after, replaced, {change.path for change in differing})
        if not differing:
            return None
    return Change(
        kind=Kind.REPLACED if reason else Kind.CHANGED,
        urn=both.urn,
        type=both.type,
        name=both.after["name"],
        paths=tuple(differing),
        because=reason.paths if reason else (),
        cause=reason.cause if reason else "",
        protected=bool(both.before.get("protect")),
        retained=bool(both.before.get("retain_on_delete")),
    )


def _passed_on(resource: Json, replaced: Mapping[str, Replacement], known: set[str]) -> Iterator[PathChange]:
    """Properties that are made from something that is replaced: the new one has another identifier."""
    for name in resource["inputs"]:
        if name not in known and depends_on_replaced(resource, name, replaced):
            yield PathChange(name, "of the old one", "of the new one")


def _whole(kind: Kind, resource: Json) -> Change:
    return Change(
        kind=kind,
        urn=resource["urn"],
        type=resource["type"],
        name=resource["name"],
        protected=bool(resource.get("protect")),
        retained=bool(resource.get("retain_on_delete")),
    )


def _cost(before: Json, after: Json) -> CostChange:
    old, new = before.get("plan", {}).get("cost", {}), after.get("plan", {}).get("cost", {})
    was, is_ = _lines(old), _lines(new)
    return CostChange(
        before=old.get("hourly") or 0.0,
        after=new.get("hourly") or 0.0,
        currency=new.get("currency") or "USD",
        lines=tuple(
            (item, was.get(item), is_.get(item))
            for item in dict.fromkeys((*is_, *was))
            if was.get(item) != is_.get(item) or (item in was) != (item in is_)
        ),
    )


def _lines(cost: Mapping[str, Any]) -> dict[str, float | None]:
    return {line["item"]: line.get("hourly") for line in cost.get("lines", ())}


def _only(here: Json, there: Json) -> Iterator[Json]:
    """The warnings that only one of two previews has."""
    known = {_told(warning) for warning in _warnings(there)}
    return (warning for warning in _warnings(here) if _told(warning) not in known)


def _warnings(preview: Json) -> Sequence[Json]:
    return preview.get("warnings", ())


def _told(warning: Json) -> tuple[Any, ...]:
    return warning.get("rule"), warning.get("path"), warning.get("message")


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON."""
    return {
        "stack": comparison.stack,
        "refusals": [asdict(refusal) for refusal in comparison.refusals],
        "resources": [asdict(change) | {"kind": str(change.kind)} for change in comparison.changes],
        "unchanged": comparison.unchanged,
        "cost": asdict(comparison.cost) | {"difference": comparison.cost.difference},
        "warnings": {"added": list(comparison.warnings_added), "removed": list(comparison.warnings_removed)},
    }
