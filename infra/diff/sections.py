"""A comparison in sections, which terminal and Markdown both write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.diff.compare import Change, Comparison, CostChange, Kind
from infra.diff.resources import Json
from infra.report.figures import count, money

_MOST_RESOURCES: Final = 40
_MOST_PATHS: Final = 8
_MOST_TEXTS: Final = 10
"""What a section shows at most: a comment has a limit of 65,536 characters."""

NO_CHANGES: Final = "No changes."


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines; `urgent` stands at the top in bold, `folded` is opened by who wants to see it.

    `details` has what belongs below a line: the lines in which a text differs.
    """

    title: str
    lines: tuple[str, ...]
    urgent: bool = False
    folded: bool = False
    details: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def headline(comparison: Comparison) -> str:
    """One line: `1 replaced, 2 changed, 140 unchanged; +4.60 USD/h`."""
    parts = [f"{len(found)} {kind}" for kind in Kind if (found := comparison.of(kind))]
    parts.append(f"{comparison.unchanged} unchanged")
    return f"{', '.join(parts)}; {_difference(comparison.cost)}"


def sections(comparison: Comparison) -> Iterator[Section]:
    """What a reviewer reads, the most urgent first."""
    if comparison.refusals:
        yield Section("Cannot be done", tuple(map(str, comparison.refusals)), urgent=True)
    replaced = comparison.of(Kind.REPLACED)
    if replaced:
        title = f"{count(len(replaced), 'resource')} replaced: deleted and made anew"
        yield Section(title, tuple(_replacements(replaced)), urgent=True)
    lost = [change for change in comparison.of(Kind.REMOVED) if change.loss]
    if lost:
        yield Section("Removed with what they hold", tuple(map(_lost, lost)), urgent=True)
    if comparison.cost.lines:
        yield Section(f"Cost: {_difference(comparison.cost)}", tuple(_cost(comparison.cost)))
    for title, warnings in (
        ("Warnings added", comparison.warnings_added),
        ("Warnings gone", comparison.warnings_removed),
    ):
        if warnings:
            yield Section(title, tuple(map(_warning, warnings)))
    for kind in (Kind.CHANGED, Kind.ADDED, Kind.REMOVED):
        found = comparison.of(kind)
        if found:
            title = f"{count(len(found), 'resource')} {kind}"
            folded = len(found) > _MOST_PATHS
            yield Section(title, tuple(_resources(found)), folded=folded, details=dict(_details(found)))


def _replacements(found: Sequence[Change]) -> Iterator[str]:
    for change in found[:_MOST_RESOURCES]:
        why = f"{change.cause} is replaced" if change.cause else f"by {', '.join(change.because)}"
        notes = [note for note in (change.loss, _guard(change)) if note]
        yield f"{_label(change)}: {why}{''.join(f'; {note}' for note in notes)}"
    yield from _rest(found)


def _guard(change: Change) -> str:
    return "protected, so that the update stops there" if change.protected else ""


def _lost(change: Change) -> str:
    stays = "it leaves the stack and stays in the cloud" if change.retained else change.loss
    return f"{_label(change)}: {stays}{'; ' + _guard(change) if change.protected else ''}"


def _resources(found: Sequence[Change]) -> Iterator[str]:
    yield from map(_resource, found[:_MOST_RESOURCES])
    yield from _rest(found)


def _resource(change: Change) -> str:
    paths = [str(path) for path in change.paths[:_MOST_PATHS]]
    if len(change.paths) > _MOST_PATHS:
        paths.append(f"{len(change.paths) - _MOST_PATHS} more")
    return f"{_label(change)}{': ' if paths else ''}{'; '.join(paths)}"


def _details(found: Sequence[Change]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lines that differ, of the first few texts: a comment has a limit."""
    texts = [(change, path) for change in found[:_MOST_RESOURCES] for path in change.paths[:_MOST_PATHS] if path.lines]
    for change, path in texts[:_MOST_TEXTS]:
        yield _resource(change), (f"{path.path}:", *path.lines)


def _rest(found: Sequence[Change]) -> Iterator[str]:
    if len(found) > _MOST_RESOURCES:
        yield f"and {len(found) - _MOST_RESOURCES} more"


def _label(change: Change) -> str:
    return f"{change.type.rsplit(':', 1)[1]} {change.name}"


def _cost(cost: CostChange) -> Iterator[str]:
    for item, before, after in cost.lines:
        yield f"{item}: {money(before, cost.currency)} -> {money(after, cost.currency)} per hour"
    yield f"known in all: {money(cost.before, cost.currency)} -> {money(cost.after, cost.currency)} per hour"


def _difference(cost: CostChange) -> str:
    if abs(cost.difference) < 0.00005:
        return "known cost as before"
    sign = "+" if cost.difference > 0 else "-"
    return f"{sign}{money(abs(cost.difference), cost.currency)} per hour"


def _warning(warning: Json) -> str:
    return f"{warning.get('severity')} {warning.get('path')}: {warning.get('message')} ({warning.get('rule')})"
