"""Numbers with their unit, as Grafana writes them, for the units that the dashboards use."""

from __future__ import annotations

import math
from collections.abc import Callable

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_WORDS = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_SECONDS = ((3600.0, "hour"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def text(value: float, unit: str, decimals: int | None = None) -> str:
    """A value as a panel of that unit shows it; KeyError for a unit that no panel had before."""
    if not math.isfinite(value):
        return "none"
    if unit.startswith("suffix:"):
        return f"{_scaled(value, _WORDS, decimals)}{unit.removeprefix('suffix:')}"
    if unit.startswith("currency"):
        return f"${_number(value, 2 if decimals is None else decimals)}"
    return _UNITS[unit](value, decimals)


def _number(value: float, decimals: int | None) -> str:
    if decimals is None:
        size = abs(value)
        decimals = 0 if size >= 100 or value == round(value) else 1 if size >= 10 else 2 if size >= 0.1 else 3
        shown = f"{value:.{decimals}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{value:.{decimals}f}"


def _scaled(value: float, scale: tuple[tuple[float, str], ...], decimals: int | None) -> str:
    for size, letter in scale:
        if abs(value) >= size:
            return f"{_number(value / size, decimals)}{letter}"
    return _number(value, decimals)


def _seconds(value: float, decimals: int | None) -> str:
    for size, word in _SECONDS:
        if abs(value) >= size or (size == 1e-6):
            return "0 s" if value == 0 else f"{_number(value / size, decimals)} {word}"
    raise AssertionError


def _spaced(word: str) -> Callable[[float, int | None], str]:
    def write(value: float, decimals: int | None) -> str:
        shown = _scaled(value, _SI, decimals)
        return f"{shown[:-1]} {shown[-1]}{word}" if shown[-1].isalpha() else f"{shown} {word}"

    return write


_UNITS: dict[str, Callable[[float, int | None], str]] = {
    "s": _seconds,
    "ms": lambda value, decimals: _seconds(value / 1000, decimals),
    "short": lambda value, decimals: _scaled(value, _WORDS, decimals),
    "none": _number,
    "percent": lambda value, decimals: f"{_number(value, decimals)}%",
    "percentunit": lambda value, decimals: f"{_number(100 * value, decimals)}%",
    "reqps": lambda value, decimals: f"{_number(value, decimals)} req/s",
    "cps": lambda value, decimals: f"{_number(value, decimals)} c/s",
    "Bps": _spaced("B/s"),
    "GBs": lambda value, decimals: _spaced("B/s")(value * 1e9, decimals),
    "decmbytes": lambda value, decimals: _spaced("B")(value * 1e6, decimals),
    "celsius": lambda value, decimals: f"{_number(value, decimals)} °C",
    "watt": _spaced("W"),
    "hertz": _spaced("Hz"),
}
