"""The one way in which a command reaches for the network: a request that tests replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

TIMEOUT = 30
"""Seconds until a request is given up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UnreachableError(OSError):
    """No answer came; the message says from where and why."""


Ask = Callable[..., Answer]
"""`ask(url, method="GET", headers={})` gives the answer whatever its status. Raises `UnreachableError`."""


def ask(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """Ask over HTTPS; redirects are followed."""
    import urllib.error
    import urllib.request

    if not url.startswith("https://"):
        raise UnreachableError(f"{url} is not an https address")
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))  # noqa: S310 - https only
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - https only
            return Answer(response.status, _lower(response.headers.items()), response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, _lower(error.headers.items()), error.read())
    except OSError as error:
        raise UnreachableError(f"{url}: {error}") from None


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
