"""Layouts of a model on nodes of a type: which there are, which fit, and in which order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.facts.instances import instance, instances
from components.facts.models import models
from components.rules import Severity
from components.serving.layouts import MOST_NODES, Layout, divisors, layouts
from components.serving.rules import rules as model_rules
from infra.rules.serving import rules as stack_rules
from tests.unit.serving.builders import model, pool, problems, stack

R1 = "deepseek-ai/DeepSeek-R1"
QWEN_30B = "Qwen/Qwen3-30B-A3B"
GPU_TYPES = sorted(name for name, node in instances().items() if node.gpu)


def asked(id, **changes):
    return model({"name": "m", "model": id, "nodePool": "gpu"}, **changes)


def laid(id, instance_type, *, nodes=None, tensor=None, **changes) -> list[Layout]:
    return layouts(asked(id, **changes), instance(instance_type), nodes=nodes, tensor=tensor)


def fitting(found: list[Layout]) -> list[Layout]:
    return [layout for layout in found if layout.sizing.fits]


def plain(found: list[Layout], tensor: int, pipeline: int = 1) -> Layout:
    """The layout without data-parallel or expert ranks."""
    (layout,) = [
        layout
        for layout in found
        if (layout.ranks.tensor, layout.ranks.pipeline, layout.ranks.data, layout.ranks.expert)
        == (tensor, pipeline, 1, 1)
    ]
    return layout


def test_r1_fits_one_node_of_eight_h200() -> None:
    found = laid(R1, "ml.p5en.48xlarge", nodes=1)
    assert plain(found, 8).sizing.fits
    assert plain(found, 8).max_context == 163840
    assert {layout.gpus for layout in fitting(found)} == {8}


def test_r1_does_not_fit_one_node_of_eight_h100_and_the_reason_says_by_how_much() -> None:
    found = laid(R1, "p5.48xlarge", nodes=1)
    assert fitting(found) == []
    assert plain(found, 8).sizing.reason == "79.5 GiB of weights per GPU, and 77.4 GiB free"
    assert all(layout.sizing.reason for layout in found)


def test_r1_fits_two_nodes_of_eight_h100() -> None:
    assert plain(laid(R1, "p5.48xlarge", nodes=2), 16).sizing.fits


def test_the_number_of_nodes_grows_until_a_layout_fits() -> None:
    found = laid(R1, "p5.48xlarge")
    assert {layout.nodes for layout in found} == {1, 2}
    assert {layout.nodes for layout in fitting(found)} == {2}


def test_where_no_number_of_nodes_is_enough_the_least_is_listed() -> None:
    """FP8 experts have no kernel on an A100, however many there are."""
    found = laid(R1, "p4d.24xlarge")
    assert {layout.nodes for layout in found} == {1}
    assert {layout.sizing.reason for layout in found} == {"FP8 experts need FP8 tensor cores, which A100-40GB lacks"}


def test_three_nodes_are_three_stages_since_64_heads_do_not_divide_over_12_ranks() -> None:
    found = laid("meta-llama/Llama-3.1-70B", "g6.12xlarge")
    assert (found[0].nodes, found[0].ranks.tensor, found[0].ranks.pipeline) == (3, 4, 3)
    assert "64 attention heads do not divide over 12 attention ranks" in plain(found, 12).sizing.reason


def test_qwen3_30b_fits_two_of_four_l40s() -> None:
    best = laid(QWEN_30B, "g6e.12xlarge")[0]
    assert (best.nodes, best.gpus_per_pod, best.ranks.tensor) == (1, 2, 2)
    assert best.sizing.kv_tokens > best.max_context == 40960


def test_a_filter_leaves_what_it_names() -> None:
    assert {layout.ranks.tensor for layout in laid(QWEN_30B, "g6e.12xlarge", tensor=4)} == {4}
    assert {layout.nodes for layout in laid(QWEN_30B, "g6e.12xlarge", nodes=2)} == {2}
    assert laid(QWEN_30B, "g6e.12xlarge", tensor=16, nodes=1) == []
    assert {layout.nodes for layout in laid(QWEN_30B, "g6e.12xlarge", tensor=16)} == {4}


def test_what_is_asked_for_decides_the_fit() -> None:
    """235B at tp8 on H100: bf16 leaves no room for the whole of a long context, FP8 KV doubles it."""
    long = plain(laid("Qwen/Qwen3-235B-A22B-Instruct-2507", "p5.48xlarge", nodes=1), 8)
    short = plain(laid("Qwen/Qwen3-235B-A22B-Instruct-2507", "p5.48xlarge", nodes=1, contextLength=8192), 8)
    small = plain(laid("Qwen/Qwen3-235B-A22B-Instruct-2507", "p5.48xlarge", nodes=1, kvCacheDtype="fp8_e4m3"), 8)
    assert not long.sizing.fits
    assert short.sizing.fits
    assert small.sizing.kv_tokens == pytest.approx(2 * long.sizing.kv_tokens, rel=0.001)


def test_the_longest_context_is_the_models_own_or_the_cache_whatever_was_asked() -> None:
    assert plain(laid(R1, "p5en.48xlarge", nodes=1, contextLength=8192), 8).max_context == 163840
    tight = plain(laid(QWEN_30B, "g6e.12xlarge", nodes=1, contextLength=8192, memFractionStatic=0.68), 2)
    assert tight.max_context == tight.sizing.kv_tokens < 40960


def test_fewest_gpus_come_first_then_one_stage_then_the_most_cache() -> None:
    found = fitting(laid(QWEN_30B, "p5.48xlarge", nodes=1))
    assert [layout.gpus for layout in found] == sorted(layout.gpus for layout in found)
    eight = [layout for layout in found if layout.gpus == 8]
    assert [layout.ranks.pipeline for layout in eight] == sorted(layout.ranks.pipeline for layout in eight)
    one_stage = [layout.group_kv_tokens for layout in eight if layout.ranks.pipeline == 1]
    assert one_stage == sorted(one_stage, reverse=True)


def test_without_rdma_stages_cross_nodes_before_tensor_ranks_do() -> None:
    slow = fitting(laid("Qwen/Qwen3-32B", "g6e.12xlarge", nodes=2))
    fast = fitting(laid("Qwen/Qwen3-32B", "p5.48xlarge", nodes=2))
    assert (slow[0].ranks.tensor, slow[0].ranks.pipeline) == (4, 2)
    assert (fast[0].ranks.tensor, fast[0].ranks.pipeline) == (16, 1)


def test_losers_come_last_the_closest_to_a_fit_first() -> None:
    found = laid(R1, "p5en.48xlarge")
    fits = [layout.sizing.fits for layout in found]
    assert fits == sorted(fits, reverse=True)
    weights = [layout.sizing.weights_gib_per_gpu for layout in found if not layout.sizing.kv_tokens]
    assert weights == sorted(weights)


def test_what_cannot_be_sized_is_said() -> None:
    with pytest.raises(ValueError, match="the numbers of someone/else are not known"):
        laid("someone/else", "p5.48xlarge")
    with pytest.raises(ValueError, match=r"m5.xlarge has no GPUs"):
        laid(QWEN_30B, "m5.xlarge")
    with pytest.raises(ValueError, match="kv_cache_dtype 'fp4' is not sized"):
        laid(QWEN_30B, "p5.48xlarge", kvCacheDtype="fp4")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(models())), st.sampled_from(GPU_TYPES), st.integers(1, MOST_NODES))
def test_the_gpus_of_every_layout_add_up(id: str, instance_type: str, nodes: int) -> None:
    node = instance(instance_type)
    found = layouts(asked(id), node, nodes=nodes)
    assert found
    for layout in found:
        ranks, sizing = layout.ranks, layout.sizing
        copies = 1 if ranks.dp_attention else ranks.data
        assert ranks.tensor * ranks.pipeline * copies == nodes * layout.gpus_per_pod
        assert layout.gpus_per_pod in (divisors(node.gpus) if nodes == 1 else [node.gpus])
        assert nodes == 1 or copies == 1
        assert not ranks.dp_attention or (ranks.data > 1 and ranks.tensor % ranks.data == 0)
        assert ranks.tensor % ranks.expert == 0
        assert sizing.fits == (not sizing.reason)
        assert not sizing.fits or layout.max_context <= sizing.kv_tokens


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([R1, QWEN_30B, "Qwen/Qwen3-32B", "meta-llama/Llama-3.1-405B-Instruct-FP8", "openai/gpt-oss-120b"]),
    st.sampled_from(["p5.48xlarge", "p5en.48xlarge", "g6e.12xlarge", "g6e.48xlarge", "p4de.24xlarge"]),
    st.data(),
)
def test_a_stack_file_takes_every_layout_that_fits(id: str, instance_type: str, data: st.DataObject) -> None:
    found = fitting(laid(id, instance_type, contextLength=8192))
    if not found:
        return
    layout = data.draw(st.sampled_from(found))
    ranks, node = layout.ranks, instance(instance_type)
    written = asked(
        id,
        contextLength=8192,
        nodesPerGroup=layout.nodes,
        packing={"gpusPerPod": layout.gpus_per_pod} if layout.nodes == 1 else None,
        parallelism={
            "tensor": ranks.tensor,
            "pipeline": ranks.pipeline,
            "data": ranks.data,
            "dpAttention": ranks.dp_attention,
            "expert": ranks.expert,
        },
    )
    whole = stack(written, pools=[pool(node.name, layout.nodes)])
    every = [*problems(model_rules, written), *problems(stack_rules, whole)]
    errors = [problem for problem in every if problem.severity is Severity.ERROR]
    assert [str(problem) for problem in errors if problem.rule.startswith(("layout.", "serving."))] == []
