"""What Fluent Bit makes of the workload's lines: a recorded run of the real program, and the real Lua of its filter."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from components.facts import pins
from components.monitoring.logs.fluent_bit import script
from components.monitoring.logs.plan import Writer
from tests.contract import fluent_bit

luajit = pytest.importorskip("lupa.luajit21")

RECORDED = json.loads(fluent_bit.RECORDED.read_text())
RECORDS: list[dict[str, Any]] = RECORDED["records"]


def text_of(record: dict[str, Any]) -> str:
    return str(record.get("log") or record.get("message"))


def test_the_run_was_made_with_the_pinned_release_and_todays_configuration() -> None:
    assert RECORDED["version"] == pins.FLUENT_BIT.app_version
    assert RECORDED["digest"] == fluent_bit.digest(), "run `python -m tests.contract.fluent_bit PROGRAM` again"


def test_the_program_still_makes_the_same_of_them() -> None:
    program = shutil.which("fluent-bit")
    if program is None:
        pytest.skip("no fluent-bit is on PATH, and no registry serves one")
    assert fluent_bit.run(program) == RECORDS


def test_no_line_is_lost_or_doubled_when_the_shipper_is_killed() -> None:
    lines = [line for record in RECORDS for line in text_of(record).splitlines()]
    written = [
        line for name, text in fluent_bit.FILES.items() if "kube-system" not in name for line in text.splitlines()
    ]
    assert len(lines) == len(written)
    assert len({*lines}) == len({*written})


def test_only_the_workloads_containers_are_read() -> None:
    assert {record["namespace"] for record in RECORDS} == {"inference", "routers"}
    assert fluent_bit.OTHER not in json.dumps(RECORDS)


def test_a_traceback_is_one_record_from_the_engines_prefix_to_the_last_exception() -> None:
    (whole,) = [record for record in RECORDS if "Traceback" in text_of(record)]
    assert whole["log"] == fluent_bit.TRACEBACK
    assert whole["process"] == "TP3"


def test_a_json_line_becomes_fields() -> None:
    (parsed,) = [record for record in RECORDS if record.get("message") == "request"]
    assert "log" not in parsed
    assert (parsed["level"], parsed["request_id"], parsed["role"]) == ("INFO", "req-12", "router")


def test_records_tell_model_group_and_rank() -> None:
    places = {(record["pod"], record["model"], record.get("group"), record.get("rank")) for record in RECORDS}
    assert places == {
        ("deepseek-r1-0", "deepseek-r1", "0", "0"),
        ("deepseek-r1-0-1", "deepseek-r1", "0", "1"),
        ("deepseek-r1-router-6d9c7f5d9b-x2x4z", "deepseek-r1", None, None),
    }


def test_no_secret_of_the_day_is_in_the_records() -> None:
    kept = json.dumps(RECORDS)
    assert [secret for secret in ("swordfish", "hf_abc", "abc.def-ghi") if secret in kept] == []


def test_engine_and_router_name_the_request() -> None:
    assert {record["request_id"] for record in RECORDS if "request_id" in record} == {
        "9f0c-7",
        "5d1e",
        "req-12",
        "req-13",
    }


def test_an_engines_line_names_the_trace() -> None:
    assert [(record["request_id"], record["trace_id"]) for record in RECORDS if "trace_id" in record] == [
        ("5d1e", fluent_bit.TRACE)
    ]


def test_a_routers_colours_are_not_kept() -> None:
    assert "\\u001b" not in json.dumps(RECORDS)
    (line,) = [text_of(record) for record in RECORDS if record.get("request_id") == "req-13"]
    assert line == '2026-08-20 10:00:03  INFO http_request{uri=/v1/models request_id="req-13"}: finished'


WRITERS = [
    Writer("r1", {"model": "r1", "role": "router"}),
    Writer("r1-prefill", {"model": "r1", "role": "prefill"}, ranked=True),
    Writer("r1-store", {"model": "r1", "role": "store"}),
    Writer("llama", {"model": "llama", "role": "serve"}, ranked=True),
    Writer("llama-3", {"model": "llama-3", "role": "serve"}, ranked=True),
    Writer("llama-weights", {"model": "llama", "role": "weights"}),
]


def filtered(pod: str = "llama-0", **record: Any) -> dict[str, Any]:
    """A record after the filter, run by the LuaJIT that Fluent Bit has inside."""
    lua = luajit.LuaRuntime(unpack_returned_tuples=True)
    lua.execute(script(WRITERS))
    table = lua.table_from(record, recursive=True)
    code, _, made = lua.globals().workload(f"workload.inference.{pod}.sglang", 0, table)
    assert code == 2
    return plain(made)


def plain(value: Any) -> Any:
    return {key: plain(item) for key, item in value.items()} if luajit.lua_type(value) == "table" else value


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("token=hf_" + "a" * 34 + ".", "token=[redacted]."),
        ("OPENAI sk-proj-" + "x" * 30, "OPENAI [redacted]"),
        ("AKIA" + "A1" * 8 + " denied", "[redacted] denied"),
        ("jwt eyJhbGciOi.eyJzdWIi.c2ln-_", "jwt [redacted]"),
        ("authorization: Bearer a.b-c==", "authorization: Bearer [redacted]"),
        ("GET /o?X-Amz-Signature=0af9&x=1", "GET /o?X-Amz-Signature=[redacted]&x=1"),
        ("redis://user:pass@host/0", "redis://user:[redacted]@host/0"),
        (
            "ServerArgs(api_key='k-1', admin_api_key='k-2')",
            "ServerArgs(api_key='[redacted]', admin_api_key='[redacted]')",
        ),
        ("launch --api-key k-1 --port 3", "launch --api-key [redacted] --port 3"),
        ('{"PASSWORD": "p"', '{"PASSWORD": "[redacted]"'),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA", "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA"),
    ],
)
def test_a_secret_is_redacted(line: str, kept: str) -> None:
    assert filtered(log=line)["log"] == kept


@pytest.mark.parametrize(
    "line",
    [
        "ServerArgs(api_key=None, max_total_num_tokens=665690, token usage: 0.91)",
        "#new-token: 8192, #cached-token: 0, token usage: 0.00",
        "author: someone, keyword: sky",
        "task-1 finished, risk-free",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert filtered(log=line)["log"] == line


def test_secrets_in_fields_of_a_json_line_are_redacted_at_any_depth() -> None:
    made = filtered(headers={"x-api-key": "k", "inner": {"password": "p", "host": "h"}}, message="api_key=k")
    assert made["headers"] == {"x-api-key": "[redacted]", "inner": {"password": "[redacted]", "host": "h"}}
    assert made["message"] == "api_key=[redacted]"


@pytest.mark.parametrize(
    ("pod", "model", "group", "rank"),
    [
        ("llama-0", "llama", "0", "0"),
        ("llama-2-7", "llama", "2", "7"),
        ("llama-3-0", "llama-3", "0", "0"),
        ("llama-3-0-1", "llama-3", "0", "1"),
        ("llama-weights-x9f2k", "llama", None, None),
        ("stranger-0", None, None, None),
        ("r1-0-1a2b3c4d-prefill-2", "r1", "2", "0"),
        ("r1-0-1a2b3c4d-prefill-0-1", "r1", "0", "1"),
        ("r1-store-6d5f7c9b8-abcde", "r1", None, None),
    ],
)
def test_a_pods_place_follows_from_the_longest_name_that_fits(
    pod: str, model: str | None, group: str | None, rank: str | None
) -> None:
    made = filtered(pod, log="x")
    assert (made.get("model"), made.get("group"), made.get("rank")) == (model, group, rank)


def test_a_json_line_cannot_claim_another_model() -> None:
    assert filtered(model="other", pod="llama-0")["model"] == "llama"
