"""Engine images: which release is inside, whether it can speak EFA, and on which GPUs it runs.

Sources: aws/deep-learning-containers@e0ecede docker/sglang/Dockerfile, docs/src/data/sglang/*.yml and
docs/sglang/changelog/index.md; sgl-project/sglang docker/Dockerfile. That a tag exists was read there, not probed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DLC_REPOSITORY: Final = "public.ecr.aws/deep-learning-containers/sglang"
UPSTREAM_REPOSITORY: Final = "lmsysorg/sglang"

DEFAULT_IMAGES: Final = {
    "0.5.17": f"{DLC_REPOSITORY}:0.5.17-gpu-py312-cu130-ubuntu24.04-ec2",
    "0.5.8": f"{UPSTREAM_REPOSITORY}:v0.5.8",
}
"""The image of a release where one is known by its exact tag; other releases need one in the settings."""

_DLC = re.compile(
    r"^(?:public\.ecr\.aws/deep-learning-containers|763104351884\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com)/sglang"
    r":(?P<tag>[^@]+)"
)
_UPSTREAM = re.compile(r"^(?:docker\.io/)?lmsysorg/sglang:(?P<tag>[^@]+)")
_RELEASE = re.compile(r"^v?(?P<version>\d+\.\d+\.\d+(?:\.post\d+)?)(?:-|$)")
_CUDA = re.compile(r"-cu(?P<cuda>1[23]\d)")

_SERVER_CUDA: Final = {"v1.3": "0.5.17", "v1.2": "0.5.14", "v1.1": "0.5.13", "v1.0": "0.5.12"}
"""Release inside `server-cuda-<version>` (Amazon Linux 2023)."""


@dataclass(frozen=True, slots=True)
class EngineImage:
    """What a reference to a known repository tells.

    `version` is None where the tag does not say. `efa_capable`: libfabric with EFA and the NCCL plugin are inside;
    without them ranks on two nodes talk over TCP sockets and nothing says so. `gpu_architectures` is None where all of
    the engine's are built. `sagemaker_only`: its entry point serves SageMaker endpoints on port 8080. `exact`: the tag
    names one release, not whatever is newest. `cuda` is `13.0` or None; CUDA 13 needs an NVIDIA driver from 580 on.
    """

    version: str | None
    efa_capable: bool
    gpu_architectures: frozenset[str] | None
    sagemaker_only: bool
    exact: bool
    cuda: str | None
    source: str


def describe_image(reference: str) -> EngineImage | None:
    """What is known of `repository:tag[@digest]`; None for a repository that is not known."""
    if match := _DLC.match(reference):
        return _dlc(match["tag"])
    if match := _UPSTREAM.match(reference):
        return _upstream(match["tag"])
    return None


def _dlc(tag: str) -> EngineImage:
    if tag.startswith("server-cuda"):
        return EngineImage(
            version=next(
                (release for name, release in _SERVER_CUDA.items() if tag.startswith(f"server-cuda-{name}")), None
            ),
            efa_capable=True,
            gpu_architectures=frozenset({"sm_90", "sm_100", "sm_103"}),
            sagemaker_only=False,
            exact=bool(re.match(r"^server-cuda-v\d+\.\d+\.\d+$", tag)),
            cuda="13.0" if tag.startswith("server-cuda-v1.3") else None,
            source="aws/deep-learning-containers docs/sglang/changelog/index.md",
        )
    release = _RELEASE.match(tag)
    return EngineImage(
        version=release["version"] if release else None,
        efa_capable=True,
        gpu_architectures=None,
        sagemaker_only="-ec2" not in tag,
        exact=release is not None,
        cuda=_cuda(tag),
        source="aws/deep-learning-containers docker/sglang/Dockerfile",
    )


def _upstream(tag: str) -> EngineImage:
    release = _RELEASE.match(tag)
    return EngineImage(
        version=release["version"] if release else None,
        efa_capable=False,
        gpu_architectures=None,
        sagemaker_only=False,
        exact=release is not None,
        cuda=_cuda(tag),
        source="sgl-project/sglang docker/Dockerfile: distribution libfabric without EFA, no aws-ofi-nccl",
    )


def _cuda(tag: str) -> str | None:
    match = _CUDA.search(tag)
    return f"{match['cuda'][:2]}.{match['cuda'][2:]}" if match else None
