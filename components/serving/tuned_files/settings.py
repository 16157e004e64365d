"""Settings of tuned files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from components.serving.engine.typed import Flag
from components.serving.weights.settings import FilePath
from components.settings import Settings

KernelFile = Annotated[
    str,
    StringConstraints(
        pattern=r"^E=\d+,N=\d+,device_name=[A-Za-z0-9_-]+(,[A-Za-z0-9_=\[\], ]+)?(_down)?\.json$", max_length=200
    ),
]
"""Name of a file of the tuner: experts, columns, GPU, and for quantized weights their type and blocks."""


class FusedMoeFile(Settings):
    """One file of the fused-MoE tuner, for one shape on one GPU with one version of Triton."""

    triton: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    """Triton's version in the engine's image; another version's files are used where there are none of its own."""
    name: KernelFile
    """Name as the tuner writes it, e.g. `E=128,N=192,device_name=NVIDIA_L40S.json`."""
    content: dict[Annotated[str, StringConstraints(pattern=r"^\d+$")], dict[str, int | bool]]
    """Kernel parameters by batch size, as the tuner writes them."""


class TunedFilesSettings(Settings):
    """Tuned files, given here or lying on the file system."""

    fused_moe: Annotated[list[FusedMoeFile], Field(max_length=64)] = []
    """Kernels of experts, mounted from a ConfigMap."""
    fused_moe_path: FilePath | None = None
    """Folder on the file system with `configs/triton_<version>/<name>`, instead of `fusedMoe`."""
    deepep: Annotated[dict[str, dict[str, Any]] | None, Flag("--deepep-config")] = None
    """DeepEP's configuration: `normal_dispatch` and `normal_combine`, with the same `num_sms`."""
    expert_location: Annotated[FilePath, StringConstraints(pattern=r"\.(json|pt)$")] | None = None
    """File on the file system that says where experts lie at the start: `physical_to_logical_map`, or `logical_count`
    as an engine with balance recorded it."""
