"""The recorded day of logs in the real Loki: the queries of data sources and documentation find what they are for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from components.monitoring.datasources import TRACE_LOGS
from tests import tools
from tests.behaviour.loki import Loki, QueryError, storing
from tests.contract import fluent_bit

ROOT = Path(__file__).parents[2]
RECORDS = json.loads(fluent_bit.RECORDED.read_text())["records"]
DOCUMENTED = sorted(
    {
        query
        for page in (ROOT / "docs").rglob("*.md")
        for query in re.findall(r'`(\{job="workload"[^`]*)`', page.read_text())
    }
)


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loki]:
    if tools.find("loki") is None:
        pytest.skip("behaviour tier: `make tools` has not made loki")
    with storing(tmp_path_factory.mktemp("loki")) as server:
        server.push(RECORDS)
        yield server


def test_every_record_is_there_under_its_model_and_role(loki: Loki) -> None:
    kept = loki.lines('{job="workload"}')
    assert len(kept) == len(RECORDS)
    assert {(labels["model"], labels["role"]) for labels, _ in kept} == {
        ("deepseek-r1", "serve"),
        ("deepseek-r1", "router"),
    }


def test_a_trace_leads_to_the_engines_line(loki: Loki) -> None:
    ((labels, line),) = loki.lines(TRACE_LOGS.replace("<trace>", fluent_bit.TRACE))
    assert (labels["request_id"], labels["rank"]) == ("5d1e", "0")
    assert "request.received" in line["log"]
    assert loki.lines(TRACE_LOGS.replace("<trace>", "f" * 32)) == []


@pytest.mark.parametrize(("request_id", "role"), [("5d1e", "serve"), ("9f0c-7", "serve"), ("req-13", "router")])
def test_the_id_of_a_request_finds_its_lines(loki: Loki, request_id: str, role: str) -> None:
    found = loki.lines(f'{{job="workload"}} | request_id="{request_id}"')
    assert {labels["role"] for labels, _ in found} == {role}


def test_the_documentation_has_queries() -> None:
    assert len(DOCUMENTED) >= 2


@pytest.mark.parametrize("query", DOCUMENTED)
def test_what_the_documentation_asks_is_logql(loki: Loki, query: str) -> None:
    assert refusal(loki, query) == ""


def refusal(loki: Loki, query: str) -> str:
    """Why Loki does not take a query; empty where it does."""
    try:
        loki.lines(query)
    except QueryError as error:
        return str(error)
    return ""


def test_what_is_no_logql_is_refused(loki: Loki) -> None:
    with pytest.raises(QueryError, match="parse error"):
        loki.lines('{job="workload"} | request_id=')


def test_the_labels_are_few(loki: Loki) -> None:
    with urlopen(f"{loki.url}/loki/api/v1/labels", timeout=20) as answer:
        assert set(json.load(answer)["data"]) == {"job", "namespace", "container", "model", "role", "service_name"}
