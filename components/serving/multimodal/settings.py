"""Settings of multimodal models. Every field left out keeps the engine's own default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from components.serving.engine.typed import Flag, Switch
from components.settings import Settings

Workers = Annotated[int, Field(ge=0, le=64)]
"""Processes; 0 for none beside the tokenizer's own."""


class MultimodalSettings(Settings):
    """The encoder of images, video and audio, and what a request may send it."""

    enabled: Annotated[bool | None, Switch(on=("--enable-multimodal",))] = None
    """Switches the encoder on for the few models that SGLang serves as text only unless told (Llama 4, Gemma 3)."""
    attention: Annotated[str | None, Flag("--mm-attention-backend")] = None
    """Attention of the encoder, one of the release's choices: `fa3`, `sdpa`, `triton_attn`, ..."""
    data_parallel_encoder: Annotated[bool | None, Switch(on=("--mm-enable-dp-encoder",))] = None
    """Gives each rank whole images instead of a part of every image: no exchange within the encoder."""
    limit_per_request: Annotated[
        dict[Literal["image", "video", "audio"], Annotated[int, Field(ge=0, le=1024)]] | None,
        Flag("--limit-mm-data-per-request"),
    ] = None
    """Most images, videos and sounds of one request; without it one request can take the memory of all."""
    process: Annotated[dict[str, dict[str, Any]] | None, Flag("--mm-process-config")] = None
    """How inputs are prepared, by kind: `image: {max_pixels: 1048576}`."""
    prefix_cache: Annotated[bool | None, Switch(on=("--enable-prefix-mm-cache",))] = None
    """Keeps encoded inputs for requests that repeat them."""
    broadcast_inputs: Annotated[bool | None, Switch(on=("--enable-broadcast-mm-inputs-process",))] = None
    """Prepares inputs on one rank and sends them to the others, instead of on each."""
    keep_features_on_device: Annotated[bool | None, Switch(on=("--keep-mm-feature-on-device",))] = None
    """Leaves encoded inputs in GPU memory between the steps."""
    feature_transport: Annotated[str | None, Flag("--mm-feature-transport")] = None
    """How encoded inputs reach the scheduler: `cpu`, `cuda_ipc`."""
    processor_workers: Annotated[Workers | None, Flag("--mm-processor-worker-num")] = None
    """Processes that prepare inputs."""
    io_workers: Annotated[Workers | None, Flag("--mm-io-worker-num")] = None
    """Processes that fetch inputs."""
    max_concurrent_calls: Annotated[Annotated[int, Field(ge=1)] | None, Flag("--mm-max-concurrent-calls")] = None
    """Inputs that are prepared at once."""
    request_timeout_seconds: Annotated[Annotated[int, Field(ge=1)] | None, Flag("--mm-per-request-timeout")] = None
    """Seconds after which preparing an input is given up."""
