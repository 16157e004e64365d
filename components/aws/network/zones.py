"""Availability zone ids: which region one belongs to. Pure."""

from __future__ import annotations

import re

_DIRECTIONS = {
    "north": "n",
    "northeast": "ne",
    "northwest": "nw",
    "south": "s",
    "southeast": "se",
    "southwest": "sw",
    "east": "e",
    "west": "w",
    "central": "c",
}


def zone_prefix(region: str) -> str | None:
    """What a region's zone ids begin with: `use1` for `us-east-1`, `apse3` for `ap-southeast-3`, `usgw1` for GovCloud.

    None where the region's name is not built like that.
    """
    match = re.fullmatch(r"([a-z]{2})(?:-(gov|iso[a-z]?))?-([a-z]+)-(\d+)", region)
    if match is None or match[3] not in _DIRECTIONS:
        return None
    area, partition, direction, number = match.groups()
    return f"{area}{(partition or '')[:1]}{_DIRECTIONS[direction]}{number}"
