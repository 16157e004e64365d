"""Asks Prometheus: at an address that the user gives, or through the API server, which forwards to its Service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from components.monitoring.values import NAMESPACE, PROMETHEUS_URL
from infra.doctor.kubectl import Kubectl, UnreadError

SECONDS = 30
QUERY = "/api/v1/query"


@dataclass(frozen=True, slots=True)
class Sample:
    """A series of an answer: labels and value, which may be NaN."""

    labels: Mapping[str, str]
    value: float


Metrics = Callable[[str], list[Sample]]
"""Evaluates an expression now. Raises `UnreadError` where Prometheus cannot be asked, with the reason."""


def at_address(url: str) -> Metrics:
    """Prometheus at an address, e.g. of a port-forward: `http://localhost:9090`. ValueError where it is none."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise ValueError(f"{url} is no address of a Prometheus, such as http://localhost:9090")

    def ask(expression: str) -> list[Sample]:
        asked = f"{url.rstrip('/')}{QUERY}?{urlencode({'query': expression})}"
        try:
            with urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310 - http and https only
                return samples(answer.read().decode())
        except HTTPError as error:
            return samples(error.read().decode(errors="replace"))
        except (OSError, HTTPException) as error:
            raise UnreadError(f"{url}: {error}") from None

    return ask


def through_api_server(kubectl: Kubectl) -> Metrics:
    """The stack's Prometheus by the API server's service proxy, for those who may `get` `services/proxy`."""
    address = urlsplit(PROMETHEUS_URL)
    service = str(address.hostname).partition(".")[0]
    path = f"/api/v1/namespaces/{NAMESPACE}/services/{service}:{address.port}/proxy{QUERY}"
    return lambda expression: samples(kubectl.raw(f"{path}?{urlencode({'query': expression})}"))


def samples(text: str) -> list[Sample]:
    """The series of an answer of Prometheus's API. Raises `UnreadError` with its words where it refuses."""
    try:
        answer: Any = json.loads(text)
        if answer["status"] != "success":
            raise UnreadError(str(answer["error"]))
        return [Sample(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]
    except (ValueError, KeyError, TypeError, IndexError):
        raise UnreadError(f"no answer of a Prometheus: {text.strip()[:80]!r}") from None
