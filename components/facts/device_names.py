"""What GPUs call themselves: `torch.cuda.get_device_name()` with underscores, as it is in the names of tuned files."""

from __future__ import annotations

from typing import Final

DEVICE_NAMES: Final = {
    "A10G": "NVIDIA_A10G",
    "A100-40GB": "NVIDIA_A100-SXM4-40GB",
    "A100-80GB": "NVIDIA_A100-SXM4-80GB",
    "L4": "NVIDIA_L4",
    "L40S": "NVIDIA_L40S",
    "H100": "NVIDIA_H100_80GB_HBM3",
    "H200": "NVIDIA_H200",
    "B200": "NVIDIA_B200",
    "B300": "NVIDIA_B300_SXM6_AC",
    "RTX-PRO-6000": "NVIDIA_RTX_PRO_6000_Blackwell_Server_Edition",
}
"""By the name of the GPU in `components.facts.instances`. Source: the files of the fused-MoE tuner in the wheels of
sglang 0.5.17 and 0.5.23 (`device_name=...`); of A10G and L4, which have none, what nvidia-smi shows."""
