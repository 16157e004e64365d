"""Rules of experts that need the model alone; those that need its nodes are in `infra.rules.tuning`.

Whether ranks come out even, and whether there are expert ranks at all, is `components.serving.layout`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.rules import Finding, Severity
from components.serving.lookup import all_to_all, argument, asked_at, facts_of
from components.serving.names import PREFILL
from components.serving.rule_set import rules
from components.serving.tuning import asked

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

DEEPEP: Final = ("deepep", "deepep_v2")
_MODED: Final = ("deepep", "mooncake", "nixl", "pplx", "mori")
"""All-to-all back ends that read `--deepep-mode`."""
_INVARIANT_SINCE: Final = "0.5.17"
"""Since then a choice of copies that differs by rank is refused without an all-to-all back end."""
_DISPATCH_VARIABLE: Final = "SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK"
_DISPATCH_TOKENS: Final = 128
_FLASHINFER_RUNNERS: Final = (
    "flashinfer_cutlass", "flashinfer_cutedsl", "flashinfer_trtllm", "flashinfer_trtllm_routed", "deep_gemm",
)  # fmt: skip


@rules.rule("experts.dense", source="config.json: no experts")
def experts_are_set_where_there_are_any(model: ModelSettings) -> Iterator[Finding]:
    """A dense model has no experts to spread."""
    facts = facts_of(model)
    if facts is None or facts.moe:
        return
    for each in asked(model, {}):
        if each.path.startswith("experts.") and not each.path.endswith("dataParallelHead"):
            yield Finding(each.path, f"{facts.id} has no experts", "remove it")


@rules.rule("experts.balance-off", source="sglang/srt/eplb/eplb_manager.py")
def balance_settings_need_balancing(model: ModelSettings) -> Iterator[Finding]:
    """What says how experts move does nothing while they stay."""
    if argument(model, "enable-eplb") is True:
        return
    for name in (
        "eplb-rebalance-num-iterations",
        "eplb-rebalance-layers-per-chunk",
        "eplb-min-rebalancing-utilization-threshold",
    ):
        if found := asked_at(model, name):
            yield Finding(found[0], f"--{name} does nothing while experts stay", "set experts.balance.enabled: true")


@rules.rule("experts.redundant-idle", source="sglang 0.5.8 server_args.py:2007-2018", severity=Severity.WARNING)
def redundant_experts_get_tokens(model: ModelSettings) -> Iterator[Finding]:
    """Copies of experts are used by the balance or by a location file; else they only take memory."""
    path, count = asked_at(model, "ep-num-redundant-experts") or ("", 0)
    used = argument(model, "enable-eplb") is True or argument(model, "init-expert-location") not in (None, "trivial")
    if count and not used and argument(model, "ep-dispatch-algorithm") is None:
        yield Finding(
            path,
            f"{count} redundant experts take memory, and no token goes to them",
            "set experts.balance.enabled: true, or remove it",
        )


@rules.rule("experts.dispatch", source="sglang 0.5.17 server_args.py _handle_eplb_and_dispatch")
def every_rank_picks_the_same_copy(model: ModelSettings) -> Iterator[Finding]:
    """Without an all-to-all back end all ranks see the same tokens and must pick the same copy of an expert."""
    path, algorithm = asked_at(model, "ep-dispatch-algorithm") or ("", None)
    if algorithm in ("static", "lp") and not all_to_all(model) and at_least(model.engine.version, _INVARIANT_SINCE):
        yield Finding(path, f"{algorithm} picks another copy on each rank, which needs an all-to-all", "use dynamic")


@rules.rule("experts.deepep-mode", source="sglang/srt/server_args.py _handle_a2a_moe")
def a_mode_has_a_back_end(model: ModelSettings) -> Iterator[Finding]:
    """DeepEP's mode is read by all-to-all back ends alone."""
    path, mode = asked_at(model, "deepep-mode") or ("", None)
    backend = argument(model, "moe-a2a-backend")
    if mode is not None and backend not in _MODED:
        yield Finding(path, f"{mode} is read by no all-to-all back end", "remove it, or set experts.allToAll: deepep")
    if mode == "normal" and backend == "pplx":
        yield Finding(path, "pplx has no normal mode", "use low_latency or auto")


@rules.rule("experts.normal-mode", source="sglang 0.5.8 server_args.py:1986", severity=Severity.WARNING)
def decoding_keeps_its_graphs(model: ModelSettings) -> Iterator[Finding]:
    """DeepEP's normal mode turns CUDA graphs off; it is for a role that only prefills."""
    path, mode = asked_at(model, "deepep-mode") or ("", None)
    if mode == "normal" and argument(model, "moe-a2a-backend") == "deepep" and model.role != PREFILL:
        yield Finding(path, "normal mode turns CUDA graphs off, for decoding too", "use auto or low_latency")


@rules.rule("experts.flashinfer", source="sglang 0.5.13.post1 server_args.py _handle_a2a_moe")
def flashinfer_exchanges_between_attention_ranks(model: ModelSettings) -> Iterator[Finding]:
    """FlashInfer's all-to-all wants as many data-parallel attention ranks as tensor ranks, and its own kernels."""
    path, backend = asked_at(model, "moe-a2a-backend") or ("", None)
    ranks = model.parallelism
    if backend != "flashinfer":
        return
    if not ranks.dp_attention or ranks.data != ranks.tensor:
        yield Finding(
            path,
            f"flashinfer needs dpAttention with data {ranks.tensor}, not {ranks.data}",
            f"set parallelism.dpAttention: true and data: {ranks.tensor}",
        )
    runner = argument(model, "moe-runner-backend")
    if runner not in _FLASHINFER_RUNNERS:
        yield Finding(
            "experts.runner", f"flashinfer does not work with the runner {runner or 'auto'}", "use flashinfer_cutlass"
        )


@rules.rule("experts.pplx", source="sglang 0.5.17 server_args.py _handle_a2a_moe")
def pplx_exchanges_between_attention_ranks(model: ModelSettings) -> Iterator[Finding]:
    """PPLX wants data-parallel attention and DeepGEMM."""
    path, backend = asked_at(model, "moe-a2a-backend") or ("", None)
    ranks = model.parallelism
    if backend != "pplx":
        return
    if not ranks.dp_attention or ranks.data < 2:
        yield Finding(path, "pplx needs dpAttention with data 2 or more", "set parallelism.dpAttention and data")
    if argument(model, "moe-runner-backend") not in (None, "auto", "deep_gemm"):
        yield Finding("experts.runner", "pplx works with deep_gemm alone", "use deep_gemm, or remove it")


@rules.rule("experts.dispatch-tokens", source="sglang 0.5.8 environ.py:342; layers/moe/token_dispatcher/deepep.py")
def decode_batches_fit_the_dispatch(model: ModelSettings) -> Iterator[Finding]:
    """DeepEP's low-latency buffers hold so many tokens of a rank; a larger decode batch fails."""
    decodes = model.role != PREFILL and argument(model, "deepep-mode") != "normal"
    if argument(model, "moe-a2a-backend") != "deepep" or not decodes:
        return
    given = model.environment.get(_DISPATCH_VARIABLE, "")
    limit = int(given) if given.isdigit() else _DISPATCH_TOKENS
    batch = model.cuda_graph_max_batch_size
    if batch and batch > limit and model.parallelism.dp_attention:
        yield Finding(
            "cudaGraphMaxBatchSize",
            f"a decode batch of {batch} is more than the {limit} tokens that DeepEP's buffers hold for a rank",
            f"use at most {limit}, or set environment {_DISPATCH_VARIABLE}: '{batch}'",
        )


@rules.rule("experts.cutlass", source="sglang 0.5.8 server_args.py:1947-1983")
def runners_take_the_expert_ranks(model: ModelSettings) -> Iterator[Finding]:
    """CUTLASS kernels want experts whole or spread over all ranks."""
    path, runner = asked_at(model, "moe-runner-backend") or ("", None)
    ranks = model.parallelism
    if runner in ("flashinfer_cutlass", "flashinfer_cutedsl") and ranks.expert not in (1, ranks.tensor):
        yield Finding(
            path, f"{runner} takes expert 1 or {ranks.tensor}, not {ranks.expert}", "change parallelism.expert"
        )
    if runner == "cutlass" and model.quantization == "fp8" and ranks.expert > 1:
        yield Finding(path, f"cutlass takes FP8 experts with expert 1, not {ranks.expert}", "use another runner")


@rules.rule("experts.dense-tensor", source="sglang 0.5.8 server_args.py:4824; 0.5.17 check_server_args")
def dense_ranks_are_one_or_all(model: ModelSettings) -> Iterator[Finding]:
    """Dense MLPs are whole on every rank, or divided over all of them."""
    path, dense = asked_at(model, "moe-dense-tp-size") or ("", None)
    allowed = (1, model.parallelism.tensor) if at_least(model.engine.version, "0.5.13.post1") else (1,)
    if dense is not None and dense not in allowed:
        yield Finding(path, f"dense MLPs over {dense} ranks are not supported", f"use {' or '.join(map(str, allowed))}")
