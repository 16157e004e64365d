"""Numbers as readers expect them; an unknown one is always the same word."""

from __future__ import annotations

from components.words import count

__all__ = ["TIMES", "UNKNOWN", "count", "gib", "listed", "minutes", "money"]

UNKNOWN = "unknown"
TIMES = "\u00d7"
"""The multiplication sign, as in `2 \u00d7 g6.12xlarge`."""


def money(amount: float | None, currency: str = "USD") -> str:
    """`1,234.50 USD`; amounts below one keep four decimals."""
    if amount is None:
        return UNKNOWN
    return f"{amount:,.4f} {currency}" if 0 < amount < 1 else f"{amount:,.2f} {currency}"


def minutes(value: float | None) -> str:
    """`45 s`, `12 min`, `2 h 05 min`; whole minutes from one on."""
    if value is None:
        return UNKNOWN
    if 0 < value < 1:
        return f"{round(value * 60)} s"
    hours, rest = divmod(round(value), 60)
    return f"{hours} h {rest:02d} min" if hours else f"{rest} min"


def gib(value: float | None) -> str:
    """`12.3 GiB`."""
    return UNKNOWN if value is None else f"{value:,.1f} GiB"


def listed(names: list[str], most: int) -> str:
    """The first names and how many more there are: `a, b, and 3 more`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])}, and {len(names) - most} more"
