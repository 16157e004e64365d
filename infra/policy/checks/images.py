"""What runs is what was tested: images and charts by exact version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.aws.hyperpod.chart import CHART_REFERENCE
from components.facts.engines import describe_image
from components.rules import Finding
from infra.policy.check import CheckSet, Found, Level
from infra.policy.checks.protection import is_protected
from infra.policy.resource import Resource, Stack
from infra.policy.values import items, known, mapping, text
from infra.policy.workloads import WORKLOADS, pods

images = CheckSet()

RELEASE: Final = "kubernetes:helm.sh/v3:Release"

_EXACT: Final = re.compile(r"\d+\.\d+\.\d+|[0-9a-f]{12}|\d{8}")
"""A tag that names one build: a whole version, a commit or a date."""
_CHART_VERSION: Final = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?")


def moves(reference: str) -> bool:
    """Whether `repository:tag` can be another image tomorrow; one with a digest cannot."""
    if "@sha256:" in reference:
        return False
    facts = describe_image(reference)
    if facts is not None:
        return not facts.exact
    name = reference.rpartition("/")[2]
    return ":" not in name or not _EXACT.search(name.partition(":")[2])


@images.check("images.exact", *WORKLOADS, source="components/serving/engine/rules.py", rule="engine.image-floating")
def images_do_not_move(resource: Resource) -> Iterator[Finding]:
    """Every container's image is named by an exact tag or a digest."""
    for path, image in _images(resource):
        if moves(image):
            yield Finding(path, f"{image} can be another image tomorrow", "use a tag with a whole version, or a digest")


@images.check("images.digest", source="a tag can be pushed again", level=Level.ADVISORY, rule="serving.image-digest")
def production_images_have_a_digest(stack: Stack) -> Iterator[Found]:
    """In a protected stack every container's image has a digest."""
    if not is_protected(stack):
        return
    told: set[str] = set()
    for resource in stack.of_type(*WORKLOADS):
        for path, image in _images(resource):
            if "@sha256:" not in image and image not in told:
                told.add(image)
                yield resource, Finding(path, f"{image} has no digest", "run sglang-hyperpod pin")


def _images(resource: Resource) -> Iterator[tuple[str, str]]:
    """Each image of a workload's containers with its path."""
    for pod in pods(resource):
        for path, container in pod.containers:
            image = text(container.get("image"))
            if image:
                yield f"{path}.image", image


@images.check("images.chart", RELEASE, source="components/facts/pins.py")
def charts_are_pinned(resource: Resource) -> Iterator[Finding]:
    """A chart has an exact version; one in a folder is the verified HyperPod chart."""
    chart, version = text(resource.props.get("chart")), resource.props.get("version")
    if chart is None or not known(version):
        return
    if chart.startswith((".", "/")):
        if chart != CHART_REFERENCE:
            yield Finding("chart", f"{chart} is a folder that nobody verified", "use a chart of a registry")
    elif not _CHART_VERSION.fullmatch(str(version or "")):
        yield Finding("version", f"{version or 'none'} is no exact version", "name one, e.g. 1.2.3")


@images.check("images.chart-values", RELEASE, source="components/serving/engine/rules.py")
def images_in_chart_values_do_not_move(resource: Resource) -> Iterator[Finding]:
    """An image that the stack chooses for a chart is named by an exact tag."""
    for path, tag in _tags(resource.props.get("values"), "values"):
        if not _EXACT.search(tag):
            yield Finding(path, f"{tag} can be another image tomorrow", "use a tag with a whole version")


def _tags(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The tags in chart values: `tag` beside `repository`, and `image` as one text."""
    if isinstance(value, Mapping):
        tag, image = text(value.get("tag")), text(value.get("image"))
        if tag and "repository" in value and not text(value.get("digest")):
            yield f"{path}.tag", tag
        if image and ":" in image.rpartition("/")[2] and "@sha256:" not in image:
            yield f"{path}.image", image.rpartition(":")[2]
        for key, item in mapping(value).items():
            yield from _tags(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(items(value)):
            yield from _tags(item, f"{path}[{index}]")
