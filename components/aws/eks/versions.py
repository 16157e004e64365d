"""Order of versions as EKS writes them. Pure."""

from __future__ import annotations

import re

_VERSION = re.compile(r"^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-eksbuild\.(\d+))?$")


def parse(version: str) -> tuple[int, int, int, int]:
    """`v1.22.4-eksbuild.3` is (1, 22, 4, 3), `1.34` is (1, 34, 0, 0). Raises ValueError for what is no version."""
    match = _VERSION.match(version)
    if match is None:
        raise ValueError(f"{version} is no version")
    major, minor, patch, build = (int(part or 0) for part in match.groups())
    return major, minor, patch, build


def release(version: str) -> tuple[int, int, int]:
    """The version without EKS's own build number, which says nothing about the software."""
    return parse(version)[:3]
