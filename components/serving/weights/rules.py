"""Rules of the weights that need the model alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.facts.engines import SUPPORTED, engine
from components.rules import Finding, Severity
from components.serving.engine.image import resolve_image
from components.serving.lookup import facts_of
from components.serving.rule_set import rules
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_STREAMER = "runai_streamer"


@rules.rule("weights.place", source="each source has its own field")
def the_place_fits_the_source(model: ModelSettings) -> Iterator[Finding]:
    """A path for the file system, a URI for S3, neither for Hugging Face."""
    weights = model.weights
    wanted = {WeightsSource.FSX: "path", WeightsSource.S3: "uri"}.get(weights.source)
    for name in ("path", "uri"):
        value = getattr(weights, name)
        if name == wanted and value is None:
            example = "/checkpoints/my-model" if name == "path" else "s3://bucket/my-model"
            yield Finding(f"weights.{name}", f"source {weights.source} needs {name}", f"set {name}, e.g. {example}")
        elif name != wanted and value is not None:
            yield Finding(f"weights.{name}", f"source {weights.source} reads no {name}", f"remove {name}")


@rules.rule("weights.hub-only", source="only the hub has tokens, revisions and mirrors")
def hub_settings_need_the_hub(model: ModelSettings) -> Iterator[Finding]:
    """Token, revision and mirror mean something for Hugging Face alone."""
    weights = model.weights
    if weights.source is WeightsSource.HUGGING_FACE:
        return
    for name, value in (
        ("tokenSecret", weights.token_secret),
        ("revision", weights.revision),
        ("endpoint", weights.endpoint),
    ):
        if value is not None:
            yield Finding(f"weights.{name}", f"source {weights.source} uses no {name}", f"remove {name}")


@rules.rule("weights.staging-source", source="components/serving/weights/stage.py copies folders")
def what_is_staged_is_on_the_file_system(model: ModelSettings) -> Iterator[Finding]:
    """What is streamed from a bucket is nowhere to be copied from."""
    if model.weights.staging and model.weights.source is WeightsSource.S3:
        yield Finding(
            "weights.staging",
            "source s3 is streamed into memory: there is no folder to copy to the nodes",
            "remove staging, or use source: fsx with a data repository association",
        )


@rules.rule("weights.gated", source="Hugging Face model cards")
def gated_models_have_a_token(model: ModelSettings) -> Iterator[Finding]:
    """The hub hands a gated model only to an account that accepted its licence."""
    facts, weights = facts_of(model), model.weights
    if facts and facts.gated and weights.source is WeightsSource.HUGGING_FACE and not weights.token_secret:
        yield Finding(
            "weights.tokenSecret",
            f"{facts.id} is gated: the hub wants a token",
            "name a secret that holds one, e.g. tokenSecret: huggingFaceToken",
        )


@rules.rule("weights.revision", source="a branch moves", severity=Severity.ADVICE)
def the_revision_is_a_commit(model: ModelSettings) -> Iterator[Finding]:
    """A checkpoint by branch may change between two fetches."""
    weights = model.weights
    pinned = re.fullmatch(r"[0-9a-f]{40}", weights.revision or "")
    if weights.source is WeightsSource.HUGGING_FACE and not pinned:
        yield Finding(
            "weights.revision",
            f"{model.model} is fetched at {weights.revision or 'its newest commit'}, which may change",
            "set the 40 hex digits of a commit",
        )


@rules.rule("weights.s3-release", source="sglang 0.5.10.post1 server_args.py: runai_streamer")
def the_release_streams_from_s3(model: ModelSettings) -> Iterator[Finding]:
    """Older releases have no loader that streams from S3."""
    if model.weights.source is not WeightsSource.S3 or model.engine.version not in SUPPORTED:
        return
    if _STREAMER not in (engine(model.engine.version).flags["--load-format"].choices or ()):
        yield Finding(
            "weights.source",
            f"SGLang {model.engine.version} cannot stream weights from S3",
            "use engine.version 0.5.13.post1 or newer, or source: fsx with a data repository association",
        )


@rules.rule("weights.s3-image", source="aws/deep-learning-containers docs/sglang/changelog", severity=Severity.WARNING)
def the_image_streams_from_s3(model: ModelSettings) -> Iterator[Finding]:
    """The streamer's package is not in every image."""
    image = resolve_image(model.engine)
    if model.weights.source is not WeightsSource.S3 or image is None or image.facts is None:
        return
    if not (image.tag or "").startswith("server-cuda"):
        yield Finding(
            "engine.image",
            f"{image.reference} is not known to carry runai-model-streamer[s3]",
            "use an image that does (AWS' server-cuda-v1.1 and newer do), or source: fsx",
        )
