"""Rules of quantization: what the checkpoint holds, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.quantizations import BF16
from components.rules import Finding, Severity
from components.serving.lookup import effective_recipe, facts_of
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_AT_RUN_TIME: Final = ("fp8",)
"""Sized recipes that the engine makes of a bf16 checkpoint while it loads; the others it only reads."""


@rules.rule("engine.quantization", source="sglang 0.5.8 configs/model_config.py _verify_quantization")
def the_checkpoint_can_be_read_so(model: ModelSettings) -> Iterator[Finding]:
    """A checkpoint is quantized in one way, and only a bf16 one can be quantized while it loads."""
    facts, recipe = facts_of(model), effective_recipe(model)
    if facts is None or recipe is None or model.quantization is None:
        return
    if facts.quantization is BF16 and model.quantization not in (*_AT_RUN_TIME, BF16.name):
        yield Finding(
            "quantization",
            f"{facts.id} holds bf16 weights, and {model.quantization} reads quantized ones",
            f"use a checkpoint in {model.quantization}, or quantization: fp8",
        )
    elif facts.quantization is not BF16 and recipe is not facts.quantization:
        yield Finding(
            "quantization",
            f"{facts.id} holds {facts.quantization.name} weights, and the engine refuses {model.quantization} for them",
            "remove it: the checkpoint says how it is quantized",
        )


@rules.rule(
    "engine.quantization-own", source="sglang docs: deepseek_v3.md, no --quantization fp8", severity=Severity.ADVICE
)
def the_checkpoint_says_so_itself(model: ModelSettings) -> Iterator[Finding]:
    """A quantized checkpoint needs no flag."""
    facts, recipe = facts_of(model), effective_recipe(model)
    if facts and model.quantization and facts.quantization is not BF16 and recipe is facts.quantization:
        yield Finding("quantization", f"{facts.id} says itself that it is {facts.quantization.name}", "remove it")
