"""Words of messages and reports."""

from __future__ import annotations


def count(number: int, singular: str, plural: str | None = None) -> str:
    """`1 wave`, `8 waves`, `1,200 addresses`."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"
