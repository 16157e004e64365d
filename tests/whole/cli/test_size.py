"""`size`: the layouts in which a model fits, as text and as JSON; what cannot be sized ends with status 2."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
ROOT = Path(__file__).parents[3]
R1 = ("--model", "deepseek-ai/DeepSeek-R1")
QWEN_30B = ("--model", "Qwen/Qwen3-30B-A3B")
MADE_UP = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}


@pytest.fixture
def size(sglang: Run) -> Run:
    return lambda *arguments: sglang("size", *arguments)


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / "config.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def layouts(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["layouts"]


def plain(found: list[dict[str, Any]], tensor: int) -> dict[str, Any]:
    degrees = {"tensor": tensor, "pipeline": 1, "data": 1, "dpAttention": False, "expert": 1}
    (layout,) = [layout for layout in found if degrees.items() <= layout.items()]
    return layout


def test_json_has_these_keys_and_no_others(size: Run) -> None:
    result = size(*R1, "--instance-type", "ml.p5en.48xlarge", "--nodes", 1, "--json")
    assert json.loads(result.stdout).keys() == {"layouts"}
    for layout in layouts(result):
        assert list(layout) == [
            "nodes",
            "tensor",
            "pipeline",
            "data",
            "dpAttention",
            "expert",
            "fits",
            "reason",
            "weightsGiBPerGpu",
            "kvTokens",
            "maxContext",
            "maxRunningRequests",
            "memFractionStatic",
        ]


def test_r1_on_one_node_of_h200_with_the_numbers_of_its_published_log(size: Run) -> None:
    """sglang docs, hyperparameter_tuning.md: 665690 tokens on 0.5.8."""
    arguments = ("--instance-type", "p5en.48xlarge", "--nodes", 1, "--engine-version", "0.5.8", "--json")
    layout = plain(layouts(size(*R1, *arguments)), 8)
    assert layout["fits"] is True
    assert layout["reason"] == ""
    assert layout["kvTokens"] == pytest.approx(665690, rel=0.03)
    assert layout["weightsGiBPerGpu"] == pytest.approx(79.4, rel=0.03)
    assert layout["maxContext"] == 163840


def test_r1_on_one_node_of_h100_loses_with_a_reason_and_is_no_failure_of_the_command(size: Run) -> None:
    found = layouts(size(*R1, "--instance-type", "p5.48xlarge", "--nodes", 1, "--json"))
    assert not any(layout["fits"] for layout in found)
    assert "GiB of weights per GPU" in plain(found, 8)["reason"]


def test_r1_on_two_nodes_of_h100(size: Run) -> None:
    found = layouts(size(*R1, "--instance-type", "p5.48xlarge", "--json"))
    assert plain(found, 16)["fits"] is True
    assert found[0]["nodes"] == 2


def test_a_hyperpod_name_is_the_same_machine(size: Run) -> None:
    arguments = (*QWEN_30B, "--json", "--instance-type")
    assert layouts(size(*arguments, "ml.g6e.12xlarge")) == layouts(size(*arguments, "g6e.12xlarge"))


def test_filters_leave_what_they_name(size: Run) -> None:
    arguments = (*QWEN_30B, "--instance-type", "g6e.12xlarge", "--json")
    assert {layout["tensor"] for layout in layouts(size(*arguments, "--tensor", 4))} == {4}
    assert {layout["nodes"] for layout in layouts(size(*arguments, "--nodes", 2))} == {2}


def test_the_options_of_the_engine_are_sized(size: Run) -> None:
    arguments = (*QWEN_30B, "--instance-type", "g6e.12xlarge", "--nodes", 1, "--json")
    usual = plain(layouts(size(*arguments)), 4)
    assert plain(layouts(size(*arguments, "--mem-fraction-static", 0.6)), 4)["memFractionStatic"] == 0.6
    small = plain(layouts(size(*arguments, "--kv-cache-dtype", "fp8_e4m3")), 4)
    assert small["kvTokens"] == pytest.approx(2 * usual["kvTokens"], rel=0.001)
    light = plain(layouts(size(*arguments, "--quantization", "fp8")), 4)
    assert light["weightsGiBPerGpu"] == pytest.approx(usual["weightsGiBPerGpu"] / 2, rel=0.1)
    older = plain(layouts(size(*arguments, "--engine-version", "0.5.8")), 4)
    assert older["memFractionStatic"] > usual["memFractionStatic"]


def test_a_context_decides_the_fit_and_not_the_longest_one(size: Run) -> None:
    arguments = (*QWEN_30B, "--instance-type", "g6e.12xlarge", "--nodes", 1, "--mem-fraction-static", 0.68, "--json")
    long, short = (plain(layouts(size(*arguments, "--context", tokens)), 2) for tokens in (40960, 8192))
    assert (long["fits"], short["fits"]) == (False, True)
    assert long["maxContext"] == short["maxContext"] == short["kvTokens"]


def test_text_says_what_was_sized_what_fits_and_why_the_rest_does_not(size: Run) -> None:
    result = size(*QWEN_30B, "--instance-type", "g6e.12xlarge")
    assert result.exit_code == 0
    headline, verdict, *_ = result.stdout.splitlines()
    assert headline.startswith("Qwen/Qwen3-30B-A3B on g6e.12xlarge (4 \u00d7 L40S")
    assert verdict.startswith("22 of 25 layouts fit")
    assert "tensor 1, tensor 1 \u00d7 data 2, tensor 1 \u00d7 data 4  57.0 GiB of weights per GPU" in result.stdout


def test_text_says_how_far_a_fit_was_sought(size: Run) -> None:
    arguments = (*R1, "--instance-type", "p4d.24xlarge")
    assert "none of 65 layouts on 1 node fits, nor does any on up to 16 nodes\n" in size(*arguments).stdout
    assert "none of 65 layouts on 1 node fits\n" in size(*arguments, "--nodes", 1).stdout


def test_long_tables_say_what_they_leave_out(size: Run) -> None:
    shown = size("--model", "meta-llama/Llama-3.1-70B", "--instance-type", "g5.xlarge").stdout
    assert "reasons more: --json has all." in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "deepseek-ai/DeepSeek-R2"), "did you mean deepseek-ai/DeepSeek-R1"),
        (("--model", "Qwen3-30B-A3B"), "did you mean Qwen/Qwen3-30B-A3B"),
        (("--model", "someone/else"), "--model-config FILE takes the config.json of any other"),
        ((*R1, "--instance-type", "ml.p5en.48xlrge"), "did you mean ml.p5en.48xlarge"),
        ((*R1, "--instance-type", "m5.xlarge"), "m5.xlarge has no GPUs"),
        ((*R1, "--instance-type", "g4dn.12xlarge"), "its T4 GPUs are older"),
        ((*R1, "--engine-version", "latest"), "SGLang latest is not supported; supported are 0.5.8, "),
        ((*R1, "--kv-cache-dtype", "fp4"), "--kv-cache-dtype: the size of fp4 is not known; use one of auto, "),
        ((*R1, "--quantization", "gguf"), "--quantization: the size of weights under --quantization gguf is not known"),
        ((*R1, "--context", 200000), "--context: 200000 tokens are more than deepseek-ai/DeepSeek-R1 was made for"),
        (
            (*R1, "--mem-fraction-static", 2),
            "2.0 is too large; use less than 0.99, a share of the GPU's memory such as 0.85",
        ),
        ((*R1, "--nodes", 0), "--nodes"),
        ((*R1, "--tensor", 7), "tensor 7 divides no group of up to 16 nodes of p5en.48xlarge; 1 such node can have "),
        ((*R1, "--tensor", 16, "--nodes", 1), "tensor 16 divides no group of 1 node of p5en.48xlarge"),
    ],
)
def test_what_cannot_be_sized_ends_with_status_2_and_a_reason(size: Run, arguments: tuple[Any, ...], message: str):
    given = arguments if "--instance-type" in arguments else (*arguments, "--instance-type", "p5en.48xlarge")
    result = size(*given, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())


def test_every_refused_option_is_named_at_once(size: Run) -> None:
    result = size(*R1, "--instance-type", "p5.48xlarge", "--context", 200000, "--kv-cache-dtype", "fp4")
    assert "--context: " in result.stderr
    assert "--kv-cache-dtype: " in result.stderr


@pytest.mark.parametrize("name", ["acme/Made-Up-8B", "made-up"])
def test_a_model_is_described_by_its_own_config(size: Run, config_file: Callable[[Any], Path], name: str) -> None:
    arguments = ("--model", name, "--instance-type", "g6e.xlarge", "--model-config", config_file(MADE_UP), "--json")
    (layout,) = layouts(size(*arguments))
    assert (layout["nodes"], layout["tensor"], layout["fits"]) == (1, 1, True)
    assert layout["weightsGiBPerGpu"] == pytest.approx(15.02, rel=0.03)
    assert layout["maxContext"] == 8192


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "config.json is not JSON"),
        ([], "it holds no object"),
        ({"hidden_size": 4096}, "acme/model: config.json has no num_hidden_layers"),
        ({**MADE_UP, "kv_lora_rank": 512}, "config.json has no qk_rope_head_dim"),
        ({**MADE_UP, "quantization_config": {"quant_method": "exl2"}}, "quantization exl2 is not sized"),
    ],
)
def test_a_config_that_cannot_be_read_is_named(
    size: Run, config_file: Callable[[Any], Path], content: Any, message: str
) -> None:
    path = config_file(content)
    result = size("--model", "acme/model", "--instance-type", "p5.48xlarge", "--model-config", path)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_config_that_is_not_there_is_named(size: Run, tmp_path: Path) -> None:
    missing = tmp_path / "config[a].json"
    result = size("--model", "acme/model", "--instance-type", "p5.48xlarge", "--model-config", missing)
    assert result.exit_code == 2
    assert "config[a].json: No such file or directory" in result.stderr


def test_piped_text_is_plain_and_needs_no_pulumi() -> None:
    code = (
        "import sys\nfrom infra.cli.main import app\ntry:\n    app()\nfinally:\n"
        "    assert not any(name.split('.')[0].startswith('pulumi') for name in sys.modules)"
    )
    command = [sys.executable, "-c", code, "size", *QWEN_30B, "--instance-type", "g6e.12xlarge"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() and len(line) <= 140 for line in done.stdout.splitlines())


def test_a_vision_encoder_counts(size: Run, config_file: Callable[[Any], Path]) -> None:
    """Of an unknown model by its own config.json; its text alone is smaller by the encoder's 576,388,336 parameters."""
    encoder = {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "out_hidden_size": 4096,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [8, 16, 24],
    }
    text = {**MADE_UP, "architectures": ["Qwen3VLForConditionalGeneration"]}
    options = ("--model", "me/sees", "--instance-type", "g6e.xlarge", "--json")
    without, with_it = (
        plain(layouts(size("--model-config", config_file(config), *options)), 1)["weightsGiBPerGpu"]
        for config in (text, {**text, "vision_config": encoder})
    )
    assert with_it - without == pytest.approx(576_388_336 * 2 / 2**30, abs=0.002)
