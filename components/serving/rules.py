"""All rules of one model, from the rooms that they belong to."""

from __future__ import annotations

from components.serving.autoscaling import rules as autoscaling
from components.serving.disaggregation import rules as disaggregation
from components.serving.disaggregation import set_rules as disaggregated_set
from components.serving.engine import environment_rules as environment
from components.serving.engine import quantization_rules as quantization
from components.serving.engine import rules as engine
from components.serving.engine import typed_rules as typed
from components.serving.entry import rules as entry
from components.serving.experts import rules as experts
from components.serving.group import rules as group
from components.serving.hierarchical_cache import rules as hierarchical_cache
from components.serving.kernels import rules as kernels
from components.serving.layout import rules as layout
from components.serving.lora import rules as lora
from components.serving.multimodal import rules as multimodal
from components.serving.objectives import rules as objectives
from components.serving.pods import rules as pods
from components.serving.router import rules as router
from components.serving.rule_set import rules
from components.serving.scheduling import rules as scheduling
from components.serving.speculative import rules as speculative
from components.serving.tuned_files import rules as tuned_files
from components.serving.weights import rules as weights

__all__ = ["GUARDED", "rules"]

GUARDED = (
    layout, engine, typed, quantization, environment, scheduling, kernels, experts, speculative, lora,
    hierarchical_cache, multimodal, tuned_files, pods, group, weights, entry, router, autoscaling,
    disaggregation, disaggregated_set, objectives,
)  # fmt: skip
"""The modules whose rules guard a model; importing them adds their rules to the set."""
