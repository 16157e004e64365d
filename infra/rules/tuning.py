"""Rules of an engine's tuning that need the model's node: its GPU, its links, its memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.rules import Finding, RuleSet, Severity
from components.serving.kernels.rules import ATTENTION_FLAGS
from components.serving.lookup import all_to_all, argument, asked_at, facts_of
from infra.rules.serving import placed

if TYPE_CHECKING:
    from components.facts.instances import Gpu
    from infra.settings.stack import StackSettings

rules = RuleSet("")

_HOPPER, _BLACKWELL = 9, 10
_BLACKWELL_ONLY: Final = ("cutlass_mla", "cutedsl_mla", "tokenspeed_mla", "trtllm_mla", "trtllm_mha")
_HOPPER_DECODES_SINCE: Final = "0.5.17"
"""Since then trtllm_mha decodes on Hopper and on workstation Blackwell too."""
_LOW_LATENCY_FRACTION: Final = 0.75


@rules.rule(
    "tuning.attention-gpu", source="sglang 0.5.8 layers/attention/attention_registry.py, server_args.py:1735-1770"
)
def attention_runs_on_the_gpu(stack: StackSettings) -> Iterator[Finding]:
    """Some attention back ends are built for one generation of GPUs."""
    for here in placed(stack):
        facts = facts_of(here.model)
        for flag in ATTENTION_FLAGS:
            path, backend = asked_at(here.model, flag) or ("", None)
            latent = bool(facts and facts.mla)
            why = _refused(str(backend), here.gpu, latent=latent, decodes=_decodes(here.model.engine.version, flag))
            if backend is not None and why:
                yield Finding(
                    here.path(path), f"{backend} {why}, {here.gpu.name} is {here.gpu.architecture}", "remove it"
                )


def _decodes(version: str, flag: str) -> bool:
    return flag == "decode-attention-backend" and at_least(version, _HOPPER_DECODES_SINCE)


def _refused(backend: str, gpu: Gpu, *, latent: bool, decodes: bool) -> str | None:
    """Why a GPU cannot run a back end; None where nothing speaks against it. `decodes`: it only decodes."""
    major = gpu.compute_capability[0]
    if backend == "fa3" and not (major == _HOPPER or (major == _HOPPER - 1 and not latent)):
        return "is for Hopper (latent attention) or Ampere to Hopper (else)"
    if backend == "trtllm_mha" and decodes and major in (_HOPPER, 12):
        return None
    return "is for Blackwell (sm_100, sm_103)" if backend in _BLACKWELL_ONLY and major != _BLACKWELL else None


@rules.rule("tuning.expert-links", source="deepseek-ai/DeepEP README: intranode kernels use NVLink")
def experts_are_linked(stack: StackSettings) -> Iterator[Finding]:
    """Ranks of one node exchange experts' tokens over NVLink."""
    for here in placed(stack):
        path, backend = asked_at(here.model, "moe-a2a-backend") or ("", None)
        if all_to_all(here.model) and not here.gpu.nvlink and here.node.gpus > 1:
            yield Finding(
                here.path(path),
                f"{backend} exchanges over NVLink, which {here.pool.instance_type} lacks",
                "remove it",
            )


@rules.rule(
    "tuning.low-latency-memory",
    source="awslabs/awsome-distributed-ai deepep-benchmark: low-latency buffers over EFA",
    severity=Severity.WARNING,
)
def low_latency_buffers_have_room(stack: StackSettings) -> Iterator[Finding]:
    """DeepEP's buffers for decoding lie beside the static fraction, and over EFA they are large."""
    for here in placed(stack):
        model = here.model
        between_nodes = model.nodes_per_group > 1 and model.engine.image.efa_expert_parallel
        if argument(model, "moe-a2a-backend") != "deepep" or not between_nodes:
            continue
        fraction = model.mem_fraction_static
        if argument(model, "deepep-mode") != "normal" and (fraction is None or fraction > _LOW_LATENCY_FRACTION):
            yield Finding(
                here.path("memFractionStatic"),
                f"{'the default fraction' if fraction is None else fraction} leaves little for DeepEP's low-latency "
                "buffers over EFA",
                f"use {_LOW_LATENCY_FRACTION} or less",
            )
