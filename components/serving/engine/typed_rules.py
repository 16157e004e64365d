"""Rules of typed settings that stand for flags: the release has the flag, takes the value, and hears it once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import SUPPORTED, engine
from components.rules import Finding
from components.serving.engine.flags import judge
from components.serving.engine.places import AS_WRITTEN
from components.serving.engine.typed import Said, given
from components.serving.rule_set import rules
from components.serving.tuned_files.plan import FOLDER_VARIABLE
from components.serving.tuning import asked, environment

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_OTHER_HARDWARE: Final = (
    "aiter", "aiter_attn", "amx_attn", "ascend", "ascend_attn", "ascend_fuseep", "ascend_tp", "intel_amx", "intel_xpu",
    "kernel_ascend", "mori", "wave", "xpu_attn",
)  # fmt: skip
"""Choices of flags that are for GPUs of AMD and Intel, for CPUs, or for Ascend."""


@rules.rule("engine.setting-release", source="argparse of each wheel")
def the_release_has_the_setting(model: ModelSettings) -> Iterator[Finding]:
    """A typed setting has a flag in the release, under whatever name."""
    if model.engine.version not in SUPPORTED:
        return
    for each in asked(model, {}):
        if each.known(engine(model.engine.version)) is None:
            yield Finding(
                each.path, f"SGLang {model.engine.version} has no {' or '.join(_written(each))}", _where_instead(each)
            )


@rules.rule("engine.setting-value", source="argparse of each wheel")
def the_release_takes_the_setting(model: ModelSettings) -> Iterator[Finding]:
    """A typed setting has a value that the release's parser takes."""
    if model.engine.version not in SUPPORTED:
        return
    release = engine(model.engine.version)
    for each in asked(model, {}):
        known = each.known(release)
        if known and (finding := judge(release, *known)):
            yield Finding(each.path, finding.message, finding.fix)


@rules.rule("engine.setting-twice", source="argparse takes the last of several")
def a_flag_is_set_once(model: ModelSettings) -> Iterator[Finding]:
    """The same flag or variable by name and by a typed setting."""
    typed = {name: each.path for each in asked(model, {}) for name in each.names}
    for each in given(model.arguments):
        if path := typed.get(each.names[0]):
            yield Finding(each.path, f"{each.names[0]} is also set by {path}", f"remove {each.path}")
    for name in environment(model, AS_WRITTEN):
        if name in model.environment:
            group = "tunedFiles" if name == FOLDER_VARIABLE else "hierarchicalCache.storage"
            yield Finding(f"environment.{name}", f"{name} is also set by {group}", f"remove environment.{name}")


@rules.rule("engine.setting-hardware", source="sglang/srt/server_args.py: choices by platform")
def choices_are_for_nvidia_gpus(model: ModelSettings) -> Iterator[Finding]:
    """Some choices are for other accelerators than AWS' NVIDIA GPUs."""
    for each in asked(model, model.arguments):
        value = each.choices[0][1]
        if isinstance(value, str) and value in _OTHER_HARDWARE:
            yield Finding(each.path, f"{value} is not for NVIDIA GPUs", "choose another, or leave it to the engine")


def _written(each: Said) -> list[str]:
    """The names of its flags, those that say it by their presence first."""
    return list(dict.fromkeys(name for name, value in each.choices if value is not False)) or list(each.names)


def _where_instead(each: Said) -> str:
    releases = [version for version in SUPPORTED if each.known(engine(version))]
    return f"use engine.version {' or '.join(releases)}, or remove it" if releases else "remove it"
