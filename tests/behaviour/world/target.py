"""One thing that Prometheus scrapes: its labels, its series and what they have come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

SPREAD = 0.5
"""Standard deviation of the logarithm of what is observed."""

Labels = tuple[tuple[str, str], ...]
Check = Callable[[str, str, frozenset[str]], None]
"""Called once for each new series with name of the family, kind and names of the labels; raises where it is unknown."""


class Target:
    """A scrape target. `honor_labels` is the monitor's: whose label counts where both have it.

    Values move by `gauge`, `count` and `observe`; a series exists from the first call on. `up` is False while the
    target does not answer, `there` is False while it does not exist.
    """

    def __init__(self, labels: Mapping[str, str], *, honor_labels: bool = False, check: Check | None = None) -> None:
        self.labels = dict(labels)
        self.honor_labels = honor_labels
        self.up = self.there = True
        self._check = check
        self._kinds: dict[str, str] = {}
        self._values: dict[tuple[str, Labels], float] = {}
        self._prefixes: dict[tuple[str, Labels], str] = {}

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        self._values[self._key(name, "gauge", name, labels)] = value

    def count(self, name: str, amount: float, /, **labels: str) -> None:
        """Add to a counter, which begins at 0."""
        key = self._key(name, "counter", name, labels)
        self._values[key] = self._values.get(key, 0.0) + amount

    def value(self, name: str, /, **labels: str) -> float:
        """What a series has come to; 0 where there is none."""
        return self._values.get((name, tuple(labels.items())), 0.0)

    def remove(self, name: str, /, **labels: str) -> None:
        """Forget one series, if it is there."""
        self._values.pop((name, tuple(labels.items())), None)

    def restart(self) -> None:
        """Begin anew: no series, counters at 0."""
        self._values.clear()

    def drop(self, name: str) -> None:
        """Forget every series of that name."""
        for key in [key for key in self._values if key[0] == name]:
            del self._values[key]

    def observe(self, name: str, times: float, median: float, buckets: Sequence[float], /, **labels: str) -> None:
        """Add observations to a histogram: `times` of them, log-normal around `median`."""
        for bound in (*buckets, math.inf):
            key = self._key(name, "histogram", f"{name}_bucket", {**labels, "le": _number(bound)})
            self._values[key] = self._values.get(key, 0.0) + times * _below(bound, median)
        for suffix, amount in (("sum", times * median * math.exp(SPREAD**2 / 2)), ("count", times)):
            key = self._key(name, "histogram", f"{name}_{suffix}", labels)
            self._values[key] = self._values.get(key, 0.0) + amount

    def exposition(self) -> str:
        """The page that a scrape reads, in Prometheus' text format 0.0.4."""
        pages: dict[str, list[str]] = {}
        for (name, labels), value in self._values.items():
            pages.setdefault(self._family(name), []).append(f"{name}{_braces(labels)} {_number(value)}")
        return "".join(
            f"# TYPE {family} {self._kinds[family]}\n" + "\n".join(lines) + "\n" for family, lines in pages.items()
        )

    def stored(self) -> Iterator[tuple[str, float]]:
        """Each series as Prometheus stores it, with the target's own labels, and its value."""
        for key, value in self._values.items():
            prefix = self._prefixes.get(key)
            if prefix is None:
                prefix = self._prefixes[key] = key[0] + _braces(self._merged(key[1]))
            yield prefix, value

    def series(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Each series' name and labels, as Prometheus stores them."""
        return ((name, frozenset(dict(self._merged(own)))) for name, own in self._values)

    def up_series(self) -> str:
        """The series by which Prometheus says whether the target answered."""
        return "up" + _braces(tuple(self.labels.items()))

    def _merged(self, own: Labels) -> Labels:
        if self.honor_labels:
            return tuple({**self.labels, **dict(own)}.items())
        renamed = {f"exported_{name}" if name in self.labels else name: value for name, value in own}
        return tuple({**self.labels, **renamed}.items())

    def _key(self, family: str, kind: str, name: str, labels: Mapping[str, str]) -> tuple[str, Labels]:
        key = (name, tuple(labels.items()))
        if key not in self._values:
            if self._check is not None:
                self._check(family, kind, frozenset(labels) - {"le"})
            self._kinds[family] = kind
        return key

    def _family(self, name: str) -> str:
        if name in self._kinds:
            return name
        return name.rpartition("_")[0]


def _below(bound: float, median: float) -> float:
    """Share of a log-normal distribution that is at most `bound`."""
    if bound <= 0 or median <= 0:
        return 0.0 if bound < median else 1.0
    return 0.5 * (1 + math.erf(math.log(bound / median) / (SPREAD * math.sqrt(2)))) if math.isfinite(bound) else 1.0


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return repr(float(value))


def _braces(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""
