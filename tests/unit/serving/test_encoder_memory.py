"""Vision encoders in the sizing: what each GPU holds of one, and what stays free for its inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.facts.instances import instance
from components.facts.models import model as facts
from components.serving.lookup import checkpoint_gib
from components.serving.memory.defaults import Role, mem_fraction_static
from components.serving.memory.demands import Demands
from components.serving.memory.encoder import reserve_factor
from components.serving.memory.ranks import Ranks
from components.serving.rules import rules
from components.serving.sizing import size
from tests.unit.serving.builders import QWEN_8B, found, model, plan

SEES = facts("Qwen/Qwen3-VL-8B-Instruct")
TEXT = replace(SEES, encoder=None)
WHOLE = 576_388_336 * 2 / 2**30
H100: Any = instance("p5.48xlarge").gpu


def held(tensor: int, *, whole: bool = False) -> float:
    """GiB that the encoder adds to each GPU's weights."""
    options: Any = {"tensor": tensor, "mem_fraction_static": 0.8, "demands": Demands(encoder_whole=whole)}
    return size(SEES, H100, **options).weights_gib_per_gpu - size(TEXT, H100, **options).weights_gib_per_gpu


def test_ranks_share_an_encoder_but_for_its_embeddings_and_norms() -> None:
    assert held(1) == pytest.approx(WHOLE)
    assert held(4) == pytest.approx((571_809_136 / 4 + 4_579_200) * 2 / 2**30)


def test_data_parallel_ranks_of_the_encoder_hold_all_of_it() -> None:
    assert held(4, whole=True) == pytest.approx(WHOLE)


def test_what_the_encoder_takes_is_taken_from_the_kv_cache() -> None:
    with_it, without = (size(each, H100, tensor=1, mem_fraction_static=0.8) for each in (SEES, TEXT))
    lost = (without.kv_tokens - with_it.kv_tokens) * with_it.kv_bytes_per_token / 2**30
    assert lost == pytest.approx(WHOLE, rel=0.01)


def test_the_default_fraction_leaves_the_engine_s_own_room_for_images() -> None:
    """0.9248 is what SGLang was seen to multiply by for an encoder of this width."""
    assert reserve_factor(SEES) == pytest.approx(0.9248, abs=0.0001)
    alone: Any = {"version": "0.5.17", "graph_limit": 256}
    fraction = mem_fraction_static(TEXT, H100, Ranks(1), **alone)
    assert mem_fraction_static(SEES, H100, Ranks(1), **alone) == pytest.approx(fraction * 0.9248, abs=0.0001)
    decode: Any = {**alone, "role": Role("decode", None, False)}
    assert mem_fraction_static(SEES, H100, Ranks(1), **decode) == mem_fraction_static(TEXT, H100, Ranks(1), **decode)


def test_the_setting_decides_and_the_checkpoint_is_counted_once() -> None:
    base = {**QWEN_8B, "model": SEES.id, "parallelism": {"tensor": 8}}
    shared = plan(base)
    whole = plan(base, multimodal={"dataParallelEncoder": True})
    assert whole.sizing.weights_gib_per_gpu > shared.sizing.weights_gib_per_gpu + 0.9
    sizes = {checkpoint_gib(each.settings, each.sizing) for each in (shared, whole)}
    assert max(sizes) == pytest.approx(min(sizes))
    assert max(sizes) == pytest.approx(8_767_123_696 * 2 / 2**30, rel=0.06)


def test_only_an_encoder_that_is_not_known_is_said_not_to_be_sized() -> None:
    known = model({**QWEN_8B, "model": SEES.id})
    assert found(rules, "multimodal.memory", known) == []
