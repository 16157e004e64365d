"""Kubernetes versions of Amazon EKS: when their support ends, which HyperPod accepts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

CALENDAR: Final = "endoflife.date/amazon-eks, read 2026-02; 1.28 to 1.31 also in the EKS user guide's release calendar"
HYPERPOD_PREREQUISITES: Final = (
    'SageMaker documentation, "Getting started with Amazon EKS support in SageMaker HyperPod": 1.28 to 1.34'
)


@dataclass(frozen=True, slots=True)
class EksVersion:
    """One minor version. In extended support it is still patched, at a surcharge for each hour.

    After `extended_support_ends` EKS upgrades the cluster to the oldest version that still has extended support.
    """

    name: str
    standard_support_ends: date
    extended_support_ends: date
    source: str = CALENDAR

    def support_on(self, day: date) -> str:
        """`standard`, `extended` or `ended` on a day."""
        if day <= self.standard_support_ends:
            return "standard"
        return "extended" if day <= self.extended_support_ends else "ended"


_VERSIONS: Final = {
    row.name: row
    for row in (
        EksVersion("1.28", date(2024, 11, 26), date(2025, 11, 26)),
        EksVersion("1.29", date(2025, 3, 23), date(2026, 3, 23)),
        EksVersion("1.30", date(2025, 7, 23), date(2026, 7, 23)),
        EksVersion("1.31", date(2025, 11, 26), date(2026, 11, 26)),
        EksVersion("1.32", date(2026, 3, 23), date(2027, 3, 23)),
        EksVersion("1.33", date(2026, 7, 29), date(2027, 7, 29)),
        EksVersion("1.34", date(2026, 12, 2), date(2027, 12, 2)),
        EksVersion("1.35", date(2027, 3, 27), date(2028, 3, 27)),
    )
}

HYPERPOD_VERSIONS: Final = ("1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
"""Versions that HyperPod lists, oldest first."""


def known_versions() -> tuple[str, ...]:
    """Every version in the table, oldest first."""
    return tuple(_VERSIONS)


def find_eks_version(name: str) -> EksVersion | None:
    """The row of `1.34`, or None."""
    return _VERSIONS.get(name)


def eks_version(name: str) -> EksVersion:
    """The row of `1.34`; raises KeyError for a version that is not in the table."""
    return _VERSIONS[name]
