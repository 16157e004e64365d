"""Rules of the engine: release, image, flags, environment."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.facts.engines import SUPPORTED, Engine, at_least, cves, engine
from components.facts.model_config import from_config
from components.facts.models import find_model, models
from components.rules import Finding, Severity
from components.serving.engine.arguments import OWNED
from components.serving.engine.flags import dashed, find_flag, judge
from components.serving.engine.image import resolve_image
from components.serving.lookup import argument, asked_at, effective_recipe, facts_of
from components.serving.memory.kv_cache import KV_CACHE_DTYPES
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_INFINIBAND_FLAGS = ("--disaggregation-ib-device", "--mooncake-ib-device")


@rules.rule("engine.model", source="components/facts/models: numbers of each config.json")
def the_model_is_known(model: ModelSettings) -> Iterator[Finding]:
    """Memory, ranks and flags follow from the numbers of the model's config.json."""
    if model.configuration is None:
        if find_model(model.model) is None:
            close = difflib.get_close_matches(model.model, models(), n=3, cutoff=0.5)
            meant = f"use {' or '.join(close)}, or " if close else ""
            yield Finding(
                "model",
                f"{model.model} is not among the models known here",
                f"{meant}put the content of its config.json under configuration",
            )
        return
    try:
        from_config(model.model, model.configuration)
    except ValueError as error:
        yield Finding("configuration", str(error), "copy the whole of the checkpoint's config.json")


@rules.rule("engine.version", source="components/facts/engines: flags read from the wheels")
def the_release_is_known(model: ModelSettings) -> Iterator[Finding]:
    """Only releases whose flags are known can be checked before they run."""
    if _engine(model) is None:
        yield Finding(
            "engine.version",
            f"the flags of SGLang {model.engine.version} are not known here",
            f"use one of {', '.join(SUPPORTED)}",
        )


@rules.rule("engine.cve", source="components/facts/engines/security.py", severity=Severity.WARNING)
def the_release_has_no_known_hole(model: ModelSettings) -> Iterator[Finding]:
    """A release with a published vulnerability."""
    for cve in cves(model.engine.version):
        yield Finding(
            "engine.version",
            f"SGLang {model.engine.version} has {cve.id} ({cve.score}): {cve.summary}; matters if {cve.exposed_when}",
            f"use {cve.fixed_in} or newer",
        )


@rules.rule("engine.architecture", source="sglang/srt/models of each wheel")
def the_release_knows_the_model(model: ModelSettings) -> Iterator[Finding]:
    """Each architecture came with some release."""
    facts = facts_of(model)
    if facts and not at_least(model.engine.version, facts.minimum_engine):
        yield Finding(
            "engine.version",
            f"SGLang {model.engine.version} does not know {facts.architecture} of {facts.id}",
            f"use {facts.minimum_engine} or newer",
        )


@rules.rule("engine.image", source="components/facts/engines/images.py")
def there_is_an_image(model: ModelSettings) -> Iterator[Finding]:
    """A release without a known image needs one in the settings, by tag or digest."""
    image = resolve_image(model.engine)
    if image is None:
        yield Finding(
            "engine.image",
            f"no image is known for SGLang {model.engine.version}",
            "set engine.image.repository and engine.image.tag",
        )
    elif not image.tag and not image.digest:
        yield Finding("engine.image", f"{image.repository} has neither tag nor digest", "set engine.image.tag")


@rules.rule("engine.image-floating", source="the nodes of a group pull their images at different times")
def the_image_does_not_move(model: ModelSettings) -> Iterator[Finding]:
    """A tag that moves would give the nodes of one group different engines."""
    image = resolve_image(model.engine)
    if image is None or image.digest or not image.tag:
        return
    moving = not image.facts.exact if image.facts else not re.search(r"\d+\.\d+\.\d+|[0-9a-f]{12}|\d{8}", image.tag)
    if moving:
        yield Finding(
            "engine.image.tag",
            f"{image.reference} names no one release",
            f"use a tag with the whole version ({model.engine.version}), or set engine.image.digest",
        )


@rules.rule(
    "engine.image-sagemaker", source="aws/deep-learning-containers docs/src/data/sglang/0.5.8-gpu-sagemaker.yml"
)
def the_image_is_not_for_sagemaker(model: ModelSettings) -> Iterator[Finding]:
    """The SageMaker flavour has another port and reads no arguments."""
    image = resolve_image(model.engine)
    if image and image.facts and image.facts.sagemaker_only:
        yield Finding(
            "engine.image.tag",
            f"{image.reference} is made for SageMaker endpoints (port 8080, SM_SGLANG_* variables)",
            "use a tag that ends in -ec2",
        )


@rules.rule("engine.image-release", source="flags are checked against engine.version")
def the_image_carries_the_release(model: ModelSettings) -> Iterator[Finding]:
    """Tag and version name the same release."""
    image = resolve_image(model.engine)
    inside = image.facts.version if image and image.facts else None
    if inside and inside != model.engine.version and not model.engine.version.startswith(f"{inside}.post"):
        yield Finding(
            "engine.image.tag",
            f"the image carries SGLang {inside}, the flags are checked for {model.engine.version}",
            f"set engine.version: {inside}, or use an image of {model.engine.version}",
        )


@rules.rule("engine.argument-owned", source="components/serving/engine/arguments.py OWNED")
def the_programs_own_flags_are_left_to_it(model: ModelSettings) -> Iterator[Finding]:
    """Flags that the program writes are set where it reads them."""
    for name in model.arguments:
        if owner := OWNED.get(dashed(name)):
            fix = "remove it" if owner.startswith("the program") else f"set {owner}"
            yield Finding(f"arguments.{name}", f"{dashed(name)} is decided by {owner}", fix)


@rules.rule("engine.argument", source="argparse of each wheel")
def flags_are_those_of_the_release(model: ModelSettings) -> Iterator[Finding]:
    """Each flag exists in the release and takes the value given."""
    release = _engine(model)
    if release is None:
        return
    for name, value in model.arguments.items():
        if dashed(name) not in OWNED and (finding := judge(release, name, value)):
            yield finding


@rules.rule("engine.argument-deprecated", source="argparse of each wheel", severity=Severity.WARNING)
def flags_are_not_deprecated(model: ModelSettings) -> Iterator[Finding]:
    """A deprecated flag goes with the next release."""
    release = _engine(model)
    for name in model.arguments if release else ():
        flag = find_flag(release, name) if release else None
        if flag and flag.deprecated and dashed(name) not in OWNED:
            yield Finding(
                f"arguments.{name}", f"{dashed(name)} is deprecated in {model.engine.version}", "use its successor"
            )


@rules.rule("engine.argument-infiniband", source="sglang 0.5.8 server_args.py:3873, 4511-4580: mlx5 device names")
def no_flag_names_infiniband_devices(model: ModelSettings) -> Iterator[Finding]:
    """EFA has no InfiniBand devices."""
    for name in model.arguments:
        if dashed(name) in _INFINIBAND_FLAGS:
            yield Finding(f"arguments.{name}", f"{dashed(name)} names InfiniBand devices; AWS has none", "remove it")


@rules.rule("engine.argument-cache", source="sglang 0.5.8 server_args.py:3924-3990")
def the_hierarchical_cache_needs_the_radix_cache(model: ModelSettings) -> Iterator[Finding]:
    """The hierarchical cache extends the radix cache."""
    path, hierarchical = asked_at(model, "enable-hierarchical-cache") or ("", None)
    if hierarchical is True and argument(model, "disable-radix-cache") is True:
        yield Finding(
            path,
            "enable-hierarchical-cache and disable-radix-cache exclude each other",
            "remove one of them",
        )


@rules.rule("engine.argument-tokenizers", source="sglang entrypoints/http_server.py: launch_server")
def a_key_needs_one_tokenizer(model: ModelSettings) -> Iterator[Finding]:
    """With several tokenizer workers the engine does not ask for its key."""
    workers = argument(model, "tokenizer-worker-num")
    if model.api_key_secret and isinstance(workers, int) and workers > 1:
        yield Finding(
            "arguments.tokenizer-worker-num",
            f"with {workers} tokenizer workers the engine does not check its API key",
            "use 1, or remove apiKeySecret",
        )


@rules.rule("engine.choice", source="argparse of each wheel")
def typed_settings_are_choices_of_the_release(model: ModelSettings) -> Iterator[Finding]:
    """KV type, quantization and parsers are names that the release knows."""
    release = _engine(model)
    if release is None:
        return
    chosen = {
        "kvCacheDtype": ("--kv-cache-dtype", model.kv_cache_dtype),
        "quantization": ("--quantization", model.quantization),
        "parsers.tool": ("--tool-call-parser", model.parsers.tool),
        "parsers.reasoning": ("--reasoning-parser", model.parsers.reasoning),
    }
    for path, (option, value) in chosen.items():
        choices = release.flags[option].choices or ()
        none = value is None or (path.startswith("parsers") and value == "none")
        if not none and value not in choices:
            yield Finding(
                path, f"{value} is no {option} of SGLang {release.version}", f"use one of {', '.join(choices)}"
            )


@rules.rule("engine.unsized", source="components/serving/memory")
def the_memory_can_be_sized(model: ModelSettings) -> Iterator[Finding]:
    """A KV type or quantization whose memory is not known would leave the fit unproven."""
    if model.kv_cache_dtype not in KV_CACHE_DTYPES:
        yield Finding(
            "kvCacheDtype", f"the size of {model.kv_cache_dtype} is not known", f"use one of {_listed(KV_CACHE_DTYPES)}"
        )
    if model.quantization and facts_of(model) and effective_recipe(model) is None:
        yield Finding(
            "quantization",
            f"the size of weights under --quantization {model.quantization} is not known",
            "remove it: a quantized checkpoint says so itself",
        )


@rules.rule("engine.served-name", source="sglang 0.5.8 server_args.py:4829")
def the_served_name_has_no_colon(model: ModelSettings) -> Iterator[Finding]:
    """A colon would separate an adapter's name."""
    if ":" in model.served:
        yield Finding("servedName", f"{model.served} has a colon", f"use {model.served.replace(':', '-')}")


@rules.rule("engine.remote-code", source="CERT/CC VU#915947: load trusted checkpoints only")
def remote_code_has_a_fixed_revision(model: ModelSettings) -> Iterator[Finding]:
    """Code from a checkpoint runs only from a commit that cannot change."""
    weights = model.weights
    fixed = weights.source != "huggingFace" or bool(re.fullmatch(r"[0-9a-f]{40}", weights.revision or ""))
    if model.trust_remote_code and not fixed:
        yield Finding(
            "weights.revision",
            f"trustRemoteCode runs whatever {model.model} holds at {weights.revision or 'its newest commit'}",
            "set the 40 hex digits of a commit that was reviewed",
        )


@rules.rule("engine.needs-remote-code", source="sgl-project/sgl-cookbook: --trust-remote-code in its commands")
def models_with_code_of_their_own_may_run_it(model: ModelSettings) -> Iterator[Finding]:
    """Some checkpoints do not load without their own code."""
    facts = facts_of(model)
    if facts and facts.trust_remote_code and not model.trust_remote_code:
        yield Finding(
            "trustRemoteCode",
            f"{facts.id} does not load without its own code",
            "set trustRemoteCode: true and weights.revision to a commit that was reviewed",
        )


def _engine(model: ModelSettings) -> Engine | None:
    return engine(model.engine.version) if model.engine.version in SUPPORTED else None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
