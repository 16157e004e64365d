"""Rules of tuned files that need the model alone; those that need its GPU are in `infra.rules.tuning`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.rules import Finding, Severity
from components.serving.lookup import all_to_all, argument, facts_of, ranks_of
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings
    from components.serving.tuned_files.settings import FusedMoeFile

_SHAPE = re.compile(r"^E=(\d+),N=(\d+),device_name=([A-Za-z0-9_-]+?)(?:_down)?(?:,|\.json)")
_DEEPEP_PARTS = ("normal_dispatch", "normal_combine")


def shape(file: FusedMoeFile) -> tuple[int, int, str]:
    """Experts, columns and device name that a file is for."""
    match = _SHAPE.match(file.name)
    if match is None:
        raise ValueError(f"{file.name} is no name of the tuner")
    return int(match[1]), int(match[2]), match[3]


@rules.rule("tuned.place", source="SGLANG_MOE_CONFIG_DIR names one folder")
def kernels_have_one_place(model: ModelSettings) -> Iterator[Finding]:
    """Files are given or lie on the file system."""
    tuned = model.tuned_files
    if tuned and tuned.fused_moe and tuned.fused_moe_path:
        yield Finding("tunedFiles.fusedMoePath", "the engine reads one folder, and fusedMoe is another", "remove one")


@rules.rule("tuned.dense", source="config.json: no experts")
def tuned_experts_exist(model: ModelSettings) -> Iterator[Finding]:
    """A dense model has no kernels of experts."""
    tuned, facts = model.tuned_files, facts_of(model)
    if tuned is None or facts is None or facts.moe:
        return
    given = {"fusedMoe": tuned.fused_moe, "fusedMoePath": tuned.fused_moe_path, "deepep": tuned.deepep,
             "expertLocation": tuned.expert_location}  # fmt: skip
    for name, value in given.items():
        if value:
            yield Finding(f"tunedFiles.{name}", f"{facts.id} has no experts", "remove it")


@rules.rule(
    "tuned.shape", source="sglang layers/moe/fused_moe_triton_config.py get_config_file_name", severity=Severity.WARNING
)
def kernels_are_for_the_layout(model: ModelSettings) -> Iterator[Finding]:
    """A file is read for one number of experts and columns of a rank; shared experts may be counted with the routed."""
    facts, ranks = facts_of(model), ranks_of(model)
    if facts is None or not facts.moe:
        return
    redundant = argument(model, "ep-num-redundant-experts")
    experts = (facts.experts + (redundant if isinstance(redundant, int) else 0)) // ranks.experts
    columns = facts.moe_intermediate_size // ranks.expert_tensor
    for index, file in enumerate(model.tuned_files.fused_moe if model.tuned_files else ()):
        tuned_experts, tuned_columns, _ = shape(file)
        if tuned_experts not in (experts, experts + facts.shared_experts) or tuned_columns != columns:
            yield Finding(
                f"tunedFiles.fusedMoe[{index}].name",
                f"E={tuned_experts},N={tuned_columns} is never read: a rank has E={experts},N={columns}",
                "tune for this layout, or remove it",
            )


@rules.rule("tuned.deepep", source="sglang 0.5.8 layers/moe/token_dispatcher/deepep.py: DeepEPConfig")
def deepep_is_configured_whole(model: ModelSettings) -> Iterator[Finding]:
    """Both parts, with the same number of streaming multiprocessors, for an engine that uses DeepEP."""
    deepep = model.tuned_files.deepep if model.tuned_files else None
    if deepep is None:
        return
    if argument(model, "moe-a2a-backend") != "deepep":
        yield Finding(
            "tunedFiles.deepep", "nothing reads it without DeepEP", "set experts.allToAll: deepep, or remove it"
        )
    missing = [part for part in _DEEPEP_PARTS if "num_sms" not in deepep.get(part, {})]
    for part in missing:
        yield Finding(f"tunedFiles.deepep.{part}", f"{part} has no num_sms", f"give {part}: {{num_sms: 24, ...}}")
    if not missing and len({deepep[part]["num_sms"] for part in _DEEPEP_PARTS}) > 1:
        yield Finding("tunedFiles.deepep", "num_sms differs between dispatch and combine", "give both the same")


@rules.rule("tuned.location", source="sglang 0.5.8 eplb/expert_location.py")
def locations_have_expert_ranks(model: ModelSettings) -> Iterator[Finding]:
    """Where experts lie means something among several expert ranks."""
    tuned = model.tuned_files
    if tuned and tuned.expert_location and model.parallelism.expert == 1 and not all_to_all(model):
        yield Finding(
            "tunedFiles.expertLocation", "all experts lie on every rank with expert 1", "set parallelism.expert"
        )


@rules.rule("tuned.built-in", source="sglang layers/moe/fused_moe_triton_config.py", severity=Severity.ADVICE)
def the_images_own_files_are_left_aside(model: ModelSettings) -> Iterator[Finding]:
    """The folder of tuned files takes the place of the image's own."""
    tuned = model.tuned_files
    if tuned and (tuned.fused_moe or tuned.fused_moe_path):
        at = "fusedMoe" if tuned.fused_moe else "fusedMoePath"
        yield Finding(
            f"tunedFiles.{at}", "the image's own files are not read beside it", "give every shape that is used"
        )
