"""Settings of speculative decoding."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from components.serving.engine.typed import Flag, Switch
from components.serving.weights.settings import FilePath, HubId, Revision
from components.settings import Settings

Tokens = Annotated[int, Field(ge=1, le=1024)]
Share = Annotated[float, Field(gt=0, le=1)]


class DraftSettings(Settings):
    """The draft model. Left out, the model's own prediction layers draft (DeepSeek, GLM)."""

    model: HubId | None = None
    """Hugging Face id; fetched to the file system beside the model's own weights."""
    revision: Revision | None = None
    """Commit, tag or branch of `model`."""
    path: FilePath | None = None
    """Folder on the file system, for a draft that is there already, instead of `model`."""
    configuration: dict[str, Any] | None = None
    """Content of the draft's `config.json`: how much memory it takes. Needed unless it is among the known models."""
    quantization: Annotated[str | None, Flag("--speculative-draft-model-quantization")] = None
    """Quantization of the draft; `unquant` for one in bf16 beside a quantized model."""
    attention: Annotated[str | None, Flag("--speculative-draft-attention-backend")] = None
    """Attention of the draft, one of the release's choices."""


class NgramSettings(Settings):
    """Guesses from what was said before, without a draft model."""

    capacity: Annotated[Annotated[int, Field(ge=1000)] | None, Flag("--speculative-ngram-capacity")] = None
    """Nodes of the tree that holds what was said."""
    min_breadth: Annotated[Tokens | None, Flag("--speculative-ngram-min-bfs-breadth")] = None
    """Least alternatives that are followed."""
    max_breadth: Annotated[Tokens | None, Flag("--speculative-ngram-max-bfs-breadth")] = None
    """Most alternatives that are followed."""
    match_type: Annotated[str | None, Flag("--speculative-ngram-match-type")] = None
    """`BFS` by recency or `PROB` by frequency."""


class SpeculativeSettings(Settings):
    """A draft guesses, the model checks: fewer steps per token where the GPUs are not full, more work where they are.

    Running requests are limited to 48 unless `scheduling.maxRunningRequests` says otherwise.
    """

    algorithm: Annotated[Annotated[str, StringConstraints(to_upper=True)], Flag("--speculative-algorithm")]
    """`EAGLE` and `NEXTN` (prediction layers or an EAGLE draft), `EAGLE3`, `STANDALONE` (a small model of the same
    vocabulary), `NGRAM` (no draft), and in later releases `DFLASH` and `DSPARK`."""
    draft: DraftSettings | None = None
    """The draft model."""
    steps: Annotated[Tokens | None, Flag("--speculative-num-steps")] = None
    """Steps that the draft takes; `steps`, `topk` and `draftTokens` are given all or none."""
    topk: Annotated[Tokens | None, Flag("--speculative-eagle-topk")] = None
    """Alternatives that the draft follows in each step."""
    draft_tokens: Annotated[Tokens | None, Flag("--speculative-num-draft-tokens")] = None
    """Tokens that the model checks at once; with `topk: 1` it is `steps` + 1."""
    attention_mode: Annotated[str | None, Flag("--speculative-attention-mode")] = None
    """Whether checking runs in the kernels of `prefill` or of `decode`."""
    accept_threshold_single: Annotated[Share | None, Flag("--speculative-accept-threshold-single")] = None
    """Probability from which a guessed token is taken as it is; below 1 the answers change."""
    accept_threshold_accumulated: Annotated[Share | None, Flag("--speculative-accept-threshold-acc")] = None
    """The same for the probability of all guesses together."""
    adaptive: Annotated[bool | None, Switch(on=("--speculative-adaptive",))] = None
    """Follows how many guesses are right with the number of steps."""
    ngram: NgramSettings | None = None
    """How `NGRAM` guesses."""
