"""The engine's command line, typed: one for the leader and the workers of a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from components.serving.engine.command import PORT, RENDEZVOUS_PORT
from components.serving.engine.flags import dashed, first_known, render

if TYPE_CHECKING:
    from components.facts.engines import Engine
    from components.serving.engine.settings import ArgumentValue

KEY_FILE: Final = "/etc/sglang/engine.yaml"
"""Configuration file with the API key: an argument could be read in the process list."""

OWNED: Final = {
    "--model-path": "model and weights",
    "--model": "model and weights",
    "--served-model-name": "servedName",
    "--revision": "weights.revision",
    "--download-dir": "weights",
    "--trust-remote-code": "trustRemoteCode",
    "--tp-size": "parallelism.tensor",
    "--tensor-parallel-size": "parallelism.tensor",
    "--pp-size": "parallelism.pipeline",
    "--pipeline-parallel-size": "parallelism.pipeline",
    "--dp-size": "parallelism.data",
    "--data-parallel-size": "parallelism.data",
    "--ep-size": "parallelism.expert",
    "--expert-parallel-size": "parallelism.expert",
    "--ep": "parallelism.expert",
    "--enable-dp-attention": "parallelism.dpAttention",
    "--attn-dp-size": "parallelism.dpAttention",
    "--attention-data-parallel-size": "parallelism.dpAttention",
    "--nnodes": "nodesPerGroup",
    "--node-rank": "nodesPerGroup",
    "--dist-init-addr": "nodesPerGroup",
    "--nccl-init-addr": "nodesPerGroup",
    "--base-gpu-id": "packing",
    "--gpu-id-step": "packing",
    "--host": "the program (every rank answers probes)",
    "--port": f"the program (Service, probes and policies use {PORT})",
    "--enable-metrics": "the program (it is always on)",
    "--enable-trace": "monitoring.traces",
    "--otlp-traces-endpoint": "monitoring.traces",
    "--context-length": "contextLength",
    "--mem-fraction-static": "memFractionStatic",
    "--cuda-graph-max-bs": "cudaGraphMaxBatchSize",
    "--cuda-graph-max-bs-decode": "cudaGraphMaxBatchSize",
    "--kv-cache-dtype": "kvCacheDtype",
    "--quantization": "quantization",
    "--tool-call-parser": "parsers.tool",
    "--reasoning-parser": "parsers.reasoning",
    "--api-key": "apiKeySecret",
    "--admin-api-key": "apiKeySecret",
    "--config": "apiKeySecret",
    "--disaggregation-mode": "disaggregation",
    "--disaggregation-transfer-backend": "disaggregation.transport",
    "--disaggregation-bootstrap-port": "disaggregation.bootstrapPort",
    "--disaggregation-decode-tp": "disaggregation.decode.parallelism",
    "--disaggregation-decode-dp": "disaggregation.decode.parallelism",
    "--disaggregation-prefill-pp": "disaggregation.prefill.parallelism",
    "--num-reserved-decode-tokens": "disaggregation.decode.reservedTokens",
    "--disaggregation-decode-extra-slots": "disaggregation.decode.extraSlots",
    "--disaggregation-decode-polling-interval": "disaggregation.decode.pollingInterval",
    "--disaggregation-decode-enable-radix-cache": "disaggregation.decode.radixCache",
    "--disaggregation-decode-enable-offload-kvcache": "disaggregation.decode.offloadKvCache",
    "--encoder-only": "the program (all ranks of a model serve all of it)",
    "--language-only": "the program (all ranks of a model serve all of it)",
    "--grpc-mode": "the program (probes and clients speak HTTP)",
    "--smg-grpc-mode": "the program (probes and clients speak HTTP)",
    "--ssl-certfile": "the program (probes speak plain HTTP; TLS ends at entry.certificateArn)",
    "--ssl-keyfile": "the program (probes speak plain HTTP; TLS ends at entry.certificateArn)",
    "--use-ray": "the program (LeaderWorkerSet starts the ranks)",
}
"""Flags that the program writes itself, with the setting that decides each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one phase of a disaggregated model is told. `options` are flags with their values; those that only some
    releases ask for, since the others find out by themselves, are `asked`.
    """

    mode: str
    backend: str
    bootstrap_port: int
    options: Mapping[str, ArgumentValue] = field(default_factory=dict)
    asked: Mapping[str, ArgumentValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineArguments:
    """What the engine is told, in its own terms but independent of a release. `data` counts attention copies where
    `dp_attention` is on, else whole copies; `revision` is None for a local checkpoint, which is a revision already.
    """

    model_path: str
    served_name: str
    tensor: int
    nodes: int
    mem_fraction_static: float
    cuda_graph_max_batch_size: int
    pipeline: int = 1
    data: int = 1
    dp_attention: bool = False
    expert: int = 1
    context_length: int | None = None
    kv_cache_dtype: str = "auto"
    quantization: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    load_format: str | None = None
    shared_file_system: bool = False
    api_key: bool = False
    phase: Phase | None = None
    extra: Mapping[str, ArgumentValue] = field(default_factory=dict)


def command_line(arguments: EngineArguments, engine: Engine) -> tuple[str, ...]:
    """The arguments of `sglang.launch_server` for one release; `$(...)` is filled in by the kubelet on each rank.

    The memory fraction and the largest CUDA graph are always given: the engine's own defaults leave too little under
    data-parallel attention, and they change between releases (sglang 0.5.8 server_args.py:879-1040,
    0.5.23 arg_groups/memory_hook.py:230-400).
    """
    given = {**dict(_defaults(arguments)), **{dashed(name): value for name, value in arguments.extra.items()}}
    line = list(_fixed(arguments, engine))
    for name, value in given.items():
        line += render(engine, name, value)
    return tuple(line)


def _fixed(arguments: EngineArguments, engine: Engine) -> Iterator[str]:
    for names, value in _owned_values(arguments):
        yield from render(engine, first_known(engine, *names), value)
    if arguments.dp_attention:
        yield from _dp_attention(arguments.data, engine)
    elif arguments.data > 1:
        yield from render(engine, "--dp-size", arguments.data)
    if arguments.nodes > 1:
        yield from ("--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)")
        yield from ("--dist-init-addr", f"$(LWS_LEADER_ADDRESS):{RENDEZVOUS_PORT}")
    if arguments.phase:
        yield from _phase(arguments.phase, engine)
    if arguments.api_key:
        yield from ("--config", KEY_FILE)


def _phase(phase: Phase, engine: Engine) -> Iterator[str]:
    yield from render(engine, "--disaggregation-mode", phase.mode)
    yield from render(engine, "--disaggregation-transfer-backend", phase.backend)
    yield from render(engine, "--disaggregation-bootstrap-port", phase.bootstrap_port)
    for name, value in phase.options.items():
        yield from render(engine, name, value)
    for name, value in phase.asked.items():
        if name in engine.flags:
            yield from render(engine, name, value)


def _owned_values(arguments: EngineArguments) -> Iterator[tuple[tuple[str, ...], ArgumentValue]]:
    yield ("--model-path",), arguments.model_path
    yield ("--served-model-name",), arguments.served_name
    yield ("--host",), "0.0.0.0"  # noqa: S104 - a worker on loopback fails the kubelet's probes
    yield ("--port",), PORT
    yield ("--enable-metrics",), True
    yield ("--tp-size",), arguments.tensor
    yield ("--mem-fraction-static",), arguments.mem_fraction_static
    yield ("--cuda-graph-max-bs-decode", "--cuda-graph-max-bs"), arguments.cuda_graph_max_batch_size
    optional: list[tuple[str, ArgumentValue | None]] = [
        ("--pp-size", arguments.pipeline if arguments.pipeline > 1 else None),
        ("--ep-size", arguments.expert if arguments.expert > 1 else None),
        ("--context-length", arguments.context_length),
        ("--kv-cache-dtype", arguments.kv_cache_dtype if arguments.kv_cache_dtype != "auto" else None),
        ("--quantization", arguments.quantization),
        ("--revision", arguments.revision),
        ("--trust-remote-code", arguments.trust_remote_code or None),
        ("--tool-call-parser", arguments.tool_parser),
        ("--reasoning-parser", arguments.reasoning_parser),
    ]
    for name, value in optional:
        if value is not None:
            yield (name,), value


def _dp_attention(data: int, engine: Engine) -> Iterator[str]:
    """Releases that know `--attn-dp-size` will drop the older pair after 2026 (0.5.23 server_args.py:417-422)."""
    if "--attn-dp-size" in engine.flags:
        yield from render(engine, "--attn-dp-size", data)
    else:
        yield from ("--enable-dp-attention", "--dp-size", str(data))


def _defaults(arguments: EngineArguments) -> Iterator[tuple[str, ArgumentValue]]:
    """Flags that the program sets and a user may overrule."""
    if arguments.load_format:
        yield "--load-format", arguments.load_format
    if arguments.shared_file_system and "load-format" not in {name.removeprefix("--") for name in arguments.extra}:
        # Page faults of one mapped file at a time leave most of a Lustre file system idle (inferred).
        yield "--weight-loader-disable-mmap", True
        yield "--model-loader-extra-config", {"enable_multithread_load": True, "num_threads": 8}
    if arguments.nodes > 1:
        # The slowest node may load for long before the others hear of it; torch would give up (sglang#3932).
        yield "--dist-timeout", 3600
    # A first request after a restart may compile kernels for longer than the default of 300 s.
    yield "--watchdog-timeout", 600
