"""Which instance types HyperPod has in which region.

The table is `hyperpod_regions.json`: per region the sizes of each family, for the types in
`components.facts.instances`. It comes from cfn-lint 1.58.0 (`extensions/aws_sagemaker_cluster/instancetype_enum.json`),
which derives it from AWS's price list: a type that is missing there may still be granted by an account team (p5e and
p6e-gb200 are valid in the API, and listed nowhere).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

SOURCE: Final = "cfn-lint 1.58.0 extensions/aws_sagemaker_cluster/instancetype_enum.json"


def hyperpod_regions() -> tuple[str, ...]:
    """Every region of the table, sorted."""
    return tuple(_by_region())


def hyperpod_instance_types(region: str) -> frozenset[str]:
    """EC2 names (`p5.48xlarge`) of the types that HyperPod has in a region; empty for a region that is not listed."""
    families = _by_region().get(region, {})
    return frozenset(f"{family}.{size}" for family, sizes in families.items() for size in sizes.split())


def regions_with(instance_type: str) -> tuple[str, ...]:
    """Regions in which HyperPod has a type, with or without its `ml.`, sorted."""
    family, _, size = instance_type.removeprefix("ml.").partition(".")
    return tuple(region for region, families in _by_region().items() if size in families.get(family, "").split())


@cache
def _by_region() -> dict[str, dict[str, str]]:
    return json.loads(Path(__file__).with_name("hyperpod_regions.json").read_text())
