"""Version numbers of charts and images as one thing that can be compared. Pure: imports no Pulumi."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

ChartVersion = Annotated[str, StringConstraints(pattern=r"^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?$", max_length=64)]
"""An exact chart version, with or without `v` as its repository writes it; a range would change from day to day."""

ImageTag = Annotated[str, StringConstraints(pattern=r"^v?\d+\.\d+\.\d+([-.][0-9A-Za-z.-]+)?$", max_length=128)]
"""An exact image tag; `latest`, `main` and other tags that move are not allowed."""


def release_of(version: str) -> tuple[int, int, int]:
    """`v0.5.21-eksbuild.9` is release (0, 5, 21). Raises ValueError for what is no version."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if not match:
        raise ValueError(f"{version!r} is not a version such as v0.5.20")
    return int(match[1]), int(match[2]), int(match[3])
