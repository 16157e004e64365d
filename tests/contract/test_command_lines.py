"""Every command line that the program writes is one that SGLang's own parser takes, in every supported release.

The parsers are built again from dumps of the wheels' argparse, which nobody here wrote.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from typing import Any

import pytest

from components.facts.engines import SUPPORTED, at_least, engine
from components.rules import Severity
from components.serving.disaggregation.plan import decode_options
from components.serving.disaggregation.transports import TRANSPORTS
from components.serving.engine.arguments import OWNED, EngineArguments, command_line
from components.serving.engine.flags import judge, render
from components.serving.rules import rules as model_rules
from components.serving.settings import ModelSettings
from tests.contract.shared import shared
from tests.unit.serving.builders import QWEN_8B, R1, apart, found, model, plan, problems

_CONVERTERS: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "loads": json.loads,
    "json_list_type": json.loads,
    "human_readable_int": int,
}
_INJECTED = {"$(LWS_GROUP_SIZE)": "2", "$(LWS_WORKER_INDEX)": "1", "$(LWS_LEADER_ADDRESS)": "r1-0.r1.inference"}

LAYOUTS: dict[str, dict[str, Any]] = {
    "one node": {"tensor": 8, "nodes": 1},
    "two nodes": {"tensor": 16, "nodes": 2},
    "stages": {"tensor": 4, "pipeline": 2, "nodes": 2},
    "copies on one node": {"tensor": 4, "data": 2, "nodes": 1},
    "data-parallel attention": {"tensor": 16, "data": 16, "dp_attention": True, "nodes": 2},
    "experts": {"tensor": 8, "expert": 2, "nodes": 1},
    "everything": {
        "tensor": 16,
        "nodes": 2,
        "context_length": 65536,
        "kv_cache_dtype": "fp8_e4m3",
        "quantization": "fp8",
        "revision": "main",
        "trust_remote_code": True,
        "tool_parser": "deepseekv3",
        "reasoning_parser": "deepseek-r1",
        "shared_file_system": True,
        "api_key": True,
        "extra": {"schedule-policy": "lpm", "enable-mixed-chunk": True, "bucket-time-to-first-token": [0.1, 1, 10]},
    },
}


@cache
def parser(version: str) -> argparse.ArgumentParser:
    """The argument parser of a release, from the dump of its own."""
    built = argparse.ArgumentParser(exit_on_error=False, conflict_handler="error")
    for row in json.loads(shared(f"sglang/launch_server_v{version}.json").read_text()):
        settings: dict[str, Any] = {"dest": row["dest"], "default": row["default"]}
        if row["nargs"] == 0:
            negative = [flag for flag in row["flags"] if flag.startswith("--no-")]
            settings["action"] = argparse.BooleanOptionalAction if negative else "store_true"
            flags = [flag for flag in row["flags"] if flag not in negative]
        else:
            flags = row["flags"]
            settings |= {"nargs": row["nargs"], "choices": row["choices"], "type": _CONVERTERS.get(row["type"], str)}
        built.add_argument(*flags, **settings)
    return built


def parse(version: str, line: tuple[str, ...]) -> argparse.Namespace:
    """Parse a command line as the engine would, once the kubelet has filled in what LeaderWorkerSet injects."""
    filled = list(line)
    for variable, value in _INJECTED.items():
        filled = [argument.replace(variable, value) for argument in filled]
    parsed, unknown = parser(version).parse_known_args(filled)
    assert unknown == []
    return parsed


def arguments(**layout: Any) -> EngineArguments:
    return EngineArguments(
        model_path="/models/r1", served_name="r1", mem_fraction_static=0.8, cuda_graph_max_batch_size=128, **layout
    )


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_parser_takes_the_line(version: str, layout: dict[str, Any]) -> None:
    line = command_line(arguments(**layout), engine(version))
    parsed = vars(parse(version, line))
    tensor = parsed.get("tp_size", parsed.get("tensor_parallel_size"))
    assert tensor == layout["tensor"]
    assert parsed["nnodes"] == layout["nodes"]
    assert parsed["host"] == "0.0.0.0"
    assert parsed["mem_fraction_static"] == 0.8


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_no_line_has_a_flag_that_its_release_calls_deprecated(version: str, layout: dict[str, Any]) -> None:
    release = engine(version)
    line = command_line(arguments(**layout), release)
    assert [option for option in line if option in release.flags and release.flags[option].deprecated] == []


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_largest_cuda_graph_reaches_the_engine(version: str) -> None:
    parsed = vars(parse(version, command_line(arguments(tensor=8, nodes=1), engine(version))))
    assert 128 in (parsed.get("cuda_graph_max_bs"), parsed.get("cuda_graph_max_bs_decode"))


@pytest.mark.parametrize("version", SUPPORTED)
def test_data_parallel_attention_reaches_the_engine(version: str) -> None:
    line = command_line(arguments(tensor=16, data=16, dp_attention=True, nodes=2), engine(version))
    parsed = vars(parse(version, line))
    old = parsed.get("enable_dp_attention") and 16 in (parsed.get("dp_size"), parsed.get("data_parallel_size"))
    assert old or parsed.get("attn_dp_size") == 16


def test_the_ranks_of_a_group_find_each_other() -> None:
    parsed = parse("0.5.17", command_line(arguments(tensor=16, nodes=2), engine("0.5.17")))
    assert (parsed.nnodes, parsed.node_rank, parsed.dist_init_addr) == (2, 1, "r1-0.r1.inference:20000")


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_flag_of_the_release_can_be_set_or_is_the_programs_own(version: str) -> None:
    """Whatever a user may write passes the program's check and the engine's parser alike."""
    release = engine(version)
    for option, flag in release.flags.items():
        if option in OWNED or flag.deprecated or option.startswith("--no-") or flag.type == "nullable_str":
            continue
        value = _sample(flag)
        assert judge(release, option, value) is None, option
        parse(version, ("--model-path", "x", *render(release, option, value)))


def _sample(flag: Any) -> Any:
    if not flag.takes_value:
        return True
    if flag.choices:
        one = flag.choices[0]
    else:
        one = {"int": 1, "human_readable_int": 1, "float": 0.5, "loads": {"a": 1}, "json_list_type": [1]}.get(
            flag.type, "text"
        )
    return [one] if flag.nargs in ("+", "*") and not isinstance(one, list | dict) else one


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize(("base", "instance_type"), [(R1, "p5.48xlarge"), (QWEN_8B, "g6e.xlarge")], ids=["r1", "qwen"])
def test_a_planned_model_starts(version: str, base: dict[str, Any], instance_type: str) -> None:
    image = {"repository": "registry.example.com/sglang", "tag": f"v{version}", "efaCapable": True}
    planned = plan(base, instance_type=instance_type, engine={"version": version, "image": image})
    parsed = parse(version, planned.front.arguments)
    assert parsed.served_model_name == base["name"]
    assert parsed.model_path == f"/models/huggingface/{base['model']}/main"


@pytest.mark.parametrize(
    ("version", "transport"),
    [(version, name) for version in SUPPORTED for name, row in TRANSPORTS.items() if at_least(version, row.since)],
)
def test_both_phases_of_a_planned_model_start(version: str, transport: str) -> None:
    image = {"repository": "registry.example.com/sglang", "tag": f"v{version}", "efaCapable": True}
    ranks = {"nodesPerGroup": 4, "parallelism": {"tensor": 32, "data": 32, "dpAttention": True, "expert": 32}}
    changed = apart(transport=transport, decode={**ranks, "reservedTokens": 1024, "pollingInterval": 2})
    planned = plan(changed, engine={"version": version, "image": image})
    prefill, decode = (vars(parse(version, group.arguments)) for group in planned.groups)
    assert [each["disaggregation_mode"] for each in (prefill, decode)] == ["prefill", "decode"]
    backends = {each["disaggregation_transfer_backend"] for each in (prefill, decode)}
    assert backends == {TRANSPORTS[transport].backend_of(version)}
    assert {each["disaggregation_bootstrap_port"] for each in (prefill, decode)} == {8998}
    assert (decode["num_reserved_decode_tokens"], decode["disaggregation_decode_polling_interval"]) == (1024, 2)
    assert prefill.get("disaggregation_decode_tp", 32) == 32


@pytest.mark.parametrize(
    ("version", "transport"),
    [(version, name) for version in SUPPORTED for name, row in TRANSPORTS.items() if at_least(version, row.since)],
)
def test_the_release_reads_what_the_transport_sets(version: str, transport: str) -> None:
    """Variables of the engine's own; the others are libfabric's and Mooncake's."""
    own = {name for name in TRANSPORTS[transport].environment(version) if name.startswith("SGLANG_")}
    assert own
    assert own <= set(engine(version).variables)


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_decode_option_is_the_engine_s_own_or_refused(version: str) -> None:
    everything = {
        "extraSlots": 4,
        "radixCache": True,
        "offloadKvCache": True,
        "reservedTokens": 9,
        "pollingInterval": 2,
    }
    changed = apart(transport="mooncake-tcp", privileged=None, decode=everything)
    settings = ModelSettings.model_validate({**changed, "engine": {"version": version}})
    assert settings.disaggregation is not None
    refused = {path.rpartition(".")[2] for path, _ in found(model_rules, "disaggregation.decode-option", settings)}
    for path, flag, value in decode_options(settings.disaggregation.decode):
        if path in refused:
            assert flag not in engine(version).flags
        else:
            parse(version, ("--model-path", "x", *render(engine(version), flag, value)))


TUNED: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "own draft": (R1, "p5.48xlarge", {"speculative": {"algorithm": "NEXTN", "steps": 3, "topk": 1, "draftTokens": 4}}),
    "separate draft": (
        QWEN_8B,
        "g6e.xlarge",
        {"speculative": {"algorithm": "STANDALONE", "draft": {"model": "Qwen/Qwen3-4B", "quantization": "unquant"}}},
    ),
    "n-grams": (
        QWEN_8B,
        "g6e.xlarge",
        {"speculative": {"algorithm": "NGRAM", "draftTokens": 8, "ngram": {"maxBreadth": 4}}},
    ),
    "adapters": (
        QWEN_8B,
        "g6e.xlarge",
        {
            "lora": {
                "maxRank": 16,
                "maxLorasPerBatch": 4,
                "adapters": [{"name": "a", "model": "me/a"}, {"name": "b", "path": "/b", "pinned": True}],
            }
        },
    ),
    "later adapters": (QWEN_8B, "g6e.xlarge", {"lora": {"maxRank": 16, "targetModules": ["q_proj", "o_proj"]}}),
    "host cache": (
        QWEN_8B,
        "g6e.xlarge",
        {"hierarchicalCache": {"writePolicy": "write_back", "ioBackend": "direct", "storage": {}}},
    ),
    "balanced experts": (
        R1,
        "p5.48xlarge",
        {
            "parallelism": {"tensor": 16, "expert": 16, "data": 16, "dpAttention": True},
            "experts": {"redundant": 32, "balance": {"enabled": True, "rebalanceIterations": 500, "metrics": True}},
            "tunedFiles": {"expertLocation": "/tuned/r1.json", "fusedMoePath": "/tuned/moe"},
        },
    ),
    "schedule": (
        QWEN_8B,
        "g6e.xlarge",
        {
            "scheduling": {
                "policy": "lof",
                "chunkedPrefillSize": -1,
                "radixCache": False,
                "priority": {"enabled": True},
            },
            "kernels": {"cudaGraph": {"prefill": False, "decodeBatchSizes": [1, 2, 4]}, "torchCompile": True},
            "cudaGraphMaxBatchSize": 4,
        },
    ),
}
"""Whole models with groups of settings that go together."""


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("name", TUNED)
def test_a_tuned_model_starts(version: str, name: str) -> None:
    base, instance_type, tuning = TUNED[name]
    image = {"repository": "registry.example.com/sglang", "tag": f"v{version}", "efaCapable": True}
    changes: dict[str, Any] = {**tuning, "engine": {"version": version, "image": image}}
    errors = [
        str(problem) for problem in problems(model_rules, model(base, **changes)) if problem.severity is Severity.ERROR
    ]
    assert errors == []
    planned = plan(base, instance_type=instance_type, **changes)
    parsed = vars(parse(version, planned.front.arguments))
    assert parsed["served_model_name"] == base["name"]
    if name == "adapters":
        assert parsed["lora_paths"][0] == "a=/models/huggingface/me/a/main"
    if name == "separate draft":
        assert parsed["speculative_draft_model_path"] == "/models/huggingface/Qwen/Qwen3-4B/main"


def test_a_dollar_in_a_value_is_not_a_variable_of_the_kubelet() -> None:
    settings = ModelSettings.model_validate({**QWEN_8B, "arguments": {"log-level": "$(HOME)"}})
    assert render(engine("0.5.17"), "log-level", settings.arguments["log-level"]) == ["--log-level", "$$(HOME)"]


def test_the_key_is_in_no_argument() -> None:
    line = command_line(arguments(tensor=8, nodes=1, api_key=True), engine("0.5.17"))
    assert "--api-key" not in line
    assert line[line.index("--config") + 1] == "/etc/sglang/engine.yaml"
