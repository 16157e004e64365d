"""Settings of the engine: version, image and output parsers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from components.settings import Repository, Settings, Sha256Digest

DEFAULT_VERSION = "0.5.17"
"""The newest release that AWS ships with EFA and its NCCL plugin (aws/deep-learning-containers
docs/src/data/sglang)."""

Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
"""An image tag."""

ArgumentValue = bool | int | float | str | list[int | float | str] | dict[str, Any]
"""The value of an engine flag: `true` for a switch, a list for several values, a mapping where SGLang reads JSON."""


class ImageSettings(Settings):
    """The engine's image. With nothing given, the image that is known for the engine's version."""

    repository: Repository | None = None
    """Repository, e.g. `123456789012.dkr.ecr.us-east-1.amazonaws.com/sglang`; a mirror spares registry limits."""
    tag: Tag | None = None
    """Exact tag. A tag that moves is an error, since nodes would then run different engines in one group."""
    digest: Sha256Digest | None = None
    """Digest; `sglang-hyperpod pin` writes it. It wins over the tag."""
    efa_capable: bool | None = None
    """Whether the image carries EFA's libfabric and the OFI NCCL plugin; known for AWS Deep Learning Containers, to be
    declared for every other image. Without them NCCL runs over TCP and says so only in its log
    (awslabs/awsome-distributed-ai efa-cheatsheet.md: NCCL_DEBUG).
    """
    mooncake_efa: bool = False
    """Whether it carries Mooncake's EFA wheel (mooncake-transfer-engine-efa); the common one has no EFA."""
    efa_expert_parallel: bool = False
    """Whether its DeepEP works across nodes over EFA; the stock one does not (deepseek-ai/DeepEP#369)."""


class EngineSettings(Settings):
    """The SGLang release that serves a model."""

    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+(\.post\d+)?$")] = DEFAULT_VERSION
    """SGLang release, e.g. `0.5.17`. Its flags are known, so that a flag it lacks is an error here and not on a GPU."""
    image: ImageSettings = ImageSettings()
    """Image that carries that release."""


class ParserSettings(Settings):
    """What SGLang makes of the model's own markup."""

    tool: str | None = None
    """Tool call parser; by default the model's own, `none` for no parser."""
    reasoning: str | None = None
    """Reasoning parser; by default the model's own, `none` for no parser."""


Environment = dict[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)],
    Annotated[str, StringConstraints(max_length=4096)],
]
"""Environment variables as plain text; secrets do not belong here."""

Arguments = dict[Annotated[str, StringConstraints(pattern=r"^(--)?[a-z][a-z0-9-]*$", max_length=80)], ArgumentValue]
"""Extra engine flags by name, with or without the leading dashes."""

BatchSize = Annotated[int, Field(ge=1, le=4096)]
"""Requests that decode together."""
