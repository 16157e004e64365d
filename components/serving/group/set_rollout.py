"""How a DisaggregatedSet replaces the groups of two phases, step by step. Pure.

The controller plans from the numbers of groups alone (lws v0.10.0 pkg/controllers/disaggregatedset/planner.go and
executor.go): old and new groups advance in proportion, a step waits until all new groups are ready, and a phase whose
last old group goes takes the other phase's old groups along. Unit tests hold this against the planner's own answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

Pair = tuple[int, int]
"""A number for prefill and one for decode."""


@dataclass(frozen=True, slots=True)
class SetRollout:
    """What a rollout comes to: the fewest groups of each phase that serve meanwhile, and the most that there are. Where
    a phase has no node for one more group than usual, a rollout that wants one stands still for good.
    """

    least: Pair
    most: Pair


def set_rollout(groups: Pair, unavailable: Pair, surge: Pair) -> SetRollout:
    """The rollout of so many groups, of which `unavailable` may be missing and `surge` be added in each phase.

    >>> set_rollout((2, 2), (1, 1), (0, 0))
    SetRollout(least=(1, 1), most=(2, 2))
    >>> set_rollout((1, 8), (1, 1), (0, 0)).most
    (2, 8)
    """
    least = most = groups
    for old, new, ready in _Planner(groups, unavailable, surge).steps():
        least = (min(least[0], old[0] + ready[0]), min(least[1], old[1] + ready[1]))
        most = (max(most[0], old[0] + new[0]), max(most[1], old[1] + new[1]))
    return SetRollout(least, most)


@dataclass(frozen=True, slots=True)
class _Planner:
    groups: Pair
    unavailable: Pair
    surge: Pair

    def steps(self) -> Iterator[tuple[Pair, Pair, Pair]]:
        """Old and new groups after each step, and the new ones that were ready before it."""
        old, new = self.groups, (0, 0)
        while old != (0, 0) or new != self.groups:
            left, came = self._next(old, new)
            if 0 in left:
                left = (0, 0)
            if (left, came) == (old, new):
                return
            yield left, came, new
            old, new = left, came

    def _next(self, old: Pair, new: Pair) -> tuple[Pair, Pair]:
        if new == self.groups:
            return (0, 0), new
        more = self._more_new(new)
        if all(a + b <= c + d for a, b, c, d in zip(old, more, self.groups, self.surge, strict=True)):
            return old, more
        fewer = self._without_orphans(self._fewer_old(old, new), new)
        if fewer != old:
            return fewer, new
        return self._without_orphans(self._forced(old, more), more), more

    @property
    def _total(self) -> int:
        batches = (surge or max(1, gone) for surge, gone in zip(self.surge, self.unavailable, strict=True))
        return max(math.ceil(count / batch) for count, batch in zip(self.groups, batches, strict=True))

    def _more_new(self, new: Pair) -> Pair:
        total = self._total
        step = 1 + min(total * there // count for there, count in zip(new, self.groups, strict=True))
        return _pair(
            max(there, min(count, math.ceil(step * count / total)))
            for there, count in zip(new, self.groups, strict=True)
        )

    def _fewer_old(self, old: Pair, new: Pair) -> Pair:
        total = self._total
        step = 1 + max(total * (count - there) // count for there, count in zip(old, self.groups, strict=True))
        fewest = self._kept(new)
        planned = (min(there, max(0, c - step * c // total)) for there, c in zip(old, self.groups, strict=True))
        return _pair(min(there, max(*both)) for there, *both in zip(old, planned, fewest, strict=True))

    def _forced(self, old: Pair, new: Pair) -> Pair:
        room = (c + surge - came for c, surge, came in zip(self.groups, self.surge, new, strict=True))
        fewest = self._kept(new)
        return _pair(max(0, min(there, free), kept) for there, free, kept in zip(old, room, fewest, strict=True))

    def _kept(self, new: Pair) -> Pair:
        """The old groups that must stay for the promise of `unavailable`."""
        return _pair(max(0, c - gone - came) for c, gone, came in zip(self.groups, self.unavailable, new, strict=True))

    def _without_orphans(self, old: Pair, new: Pair) -> Pair:
        """No phase's last old group goes without the other's."""
        if (old[0] and old[1]) or old == (0, 0):
            return old
        return (0, 0) if self._kept(new) == (0, 0) else (max(1, old[0]), max(1, old[1]))


def _pair(values: Iterator[int]) -> Pair:
    first, second = values
    return first, second
