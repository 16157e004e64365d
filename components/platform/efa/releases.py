"""Which image each release of the EFA device plugin's chart carries. Pure data.

Source: the history of `stable/aws-efa-k8s-device-plugin` in aws/eks-charts up to commit 5239609 (chart v0.5.30).
"""

from __future__ import annotations

from components.platform.versions import release_of

_IMAGES_BY_CHARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("v0.4.2", ("v0.4.2",)),
    ("v0.4.4", ("v0.4.4",)),
    ("v0.5.1", ("v0.5.1",)),
    ("v0.5.2", ("v0.5.2",)),
    ("v0.5.3", ("v0.5.3",)),
    ("v0.5.4", ("v0.5.4", "v0.5.5", "v0.5.6", "v0.5.7")),
    ("v0.5.5", ("v0.5.8", "v0.5.9")),
    ("v0.5.6", ("v0.5.10", "v0.5.11")),
    ("v0.5.7", ("v0.5.12",)),
    ("v0.5.8", ("v0.5.13", "v0.5.14", "v0.5.15")),
    ("v0.5.9", ("v0.5.16", "v0.5.17")),
    ("v0.5.10", ("v0.5.18",)),
    ("v0.5.12", ("v0.5.19",)),
    ("v0.5.13", ("v0.5.20",)),
    ("v0.5.15", ("v0.5.21",)),
    ("v0.5.16", ("v0.5.22", "v0.5.23", "v0.5.24")),
    ("v0.5.17", ("v0.5.25",)),
    ("v0.5.18", ("v0.5.26", "v0.5.27")),
    ("v0.5.19", ("v0.5.28",)),
    ("v0.5.20", ("v0.5.29", "v0.5.30")),
)

CHART_IMAGES: dict[tuple[int, int, int], str] = {
    release_of(chart): image for image, charts in _IMAGES_BY_CHARTS for chart in charts
}
"""Image tag by chart release, e.g. (0, 5, 30) -> v0.5.20."""


def first_chart_with(image: str) -> str | None:
    """The first chart that carries `image`, or None where no release did."""
    return next((charts[0] for tag, charts in _IMAGES_BY_CHARTS if release_of(tag) == release_of(image)), None)
