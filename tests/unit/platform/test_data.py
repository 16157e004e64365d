"""The platform's tables."""

from __future__ import annotations

import pytest

from components.facts import pins
from components.platform.efa.releases import CHART_IMAGES, first_chart_with
from components.platform.registries import add_on_registry
from components.platform.versions import release_of


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("us-east-1", "602401143452.dkr.ecr.us-east-1.amazonaws.com"),
        ("ap-east-1", "800184023465.dkr.ecr.ap-east-1.amazonaws.com"),
        ("cn-north-1", "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("xx-nowhere-1", None),
    ],
)
def test_each_region_has_its_registry(region: str, registry: str | None) -> None:
    assert add_on_registry(region) == registry


def test_the_pinned_efa_chart_and_image_are_a_pair() -> None:
    chart = pins.EFA_DEVICE_PLUGIN
    assert CHART_IMAGES[release_of(chart.version)] == chart.app_version


def test_the_hyperpod_charts_dependency_carries_another_number_than_its_image() -> None:
    assert CHART_IMAGES[(0, 5, 20)] == "v0.5.13"


@pytest.mark.parametrize(("image", "chart"), [("v0.5.20", "v0.5.29"), ("v0.5.11", None)])
def test_a_chart_is_found_for_an_image(image: str, chart: str | None) -> None:
    assert first_chart_with(image) == chart


@pytest.mark.parametrize(
    ("text", "release"), [("v0.5.21-eksbuild.9", (0, 5, 21)), ("0.10.0", (0, 10, 0)), ("v26.7.0", (26, 7, 0))]
)
def test_versions_compare_as_numbers(text: str, release: tuple[int, int, int]) -> None:
    assert release_of(text) == release


def test_what_is_no_version_is_told() -> None:
    with pytest.raises(ValueError, match="'main' is not a version"):
        release_of("main")
