"""Spans of engines and routers: the flags that send them, and whether an image can. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from components.facts.engines import describe_image, engine
from components.facts.engines.versions import at_least
from components.serving.engine.flags import render
from components.serving.router.arguments import ROUTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.facts.engines import Engine
    from components.serving.engine.flags import Release
    from components.serving.engine.image import ImagePlan
    from components.serving.plan import ModelPlan

PACKAGES_SINCE: Final = "0.5.13.post1"
"""First of the known releases whose extra `all` brings OpenTelemetry, which the images of SGLang and AWS install
(sglang wheels, METADATA: 0.5.8 has `tracing` but no `all`; sgl-project/sglang docker/Dockerfile: `python[all]`;
aws/deep-learning-containers docker/sglang/Dockerfile: from SGLang's image)."""


LOGGED_HEADERS: Final = ("SGLANG_LOG_REQUEST_HEADERS", "x-request-id,traceparent")
"""What a request's line in the log says of its headers: the client's id and the trace (sglang 0.5.13.post1
srt/utils/request_logger.py; 0.5.8 logs none)."""


def carries_packages(image: ImagePlan, version: str) -> bool | None:
    """Whether an image has the packages without which the engine sends no span; None for one that is not known."""
    if describe_image(image.reference) is None and image.facts is None:
        return None
    return at_least(version, PACKAGES_SINCE)


def traced(model: ModelPlan, endpoint: str) -> ModelPlan:
    """The model whose engines and routers send spans to `endpoint` (host:port), and whose engines log requests' ids."""
    release = engine(model.engine_version)
    groups = tuple(
        replace(
            group,
            arguments=(*group.arguments, *_flags(release, endpoint), *_request_log(group.arguments, release)),
            environment={**group.environment, **_logged_headers(group.environment, release)},
        )
        for group in model.groups
    )
    router = model.router
    if router is not None:
        router = replace(router, arguments=(*_flags(ROUTER, endpoint), *router.arguments))
    return replace(model, groups=groups, router=router)


def _request_log(arguments: tuple[str, ...], release: Engine) -> list[str]:
    """A line with its id when a request comes and when it is done, without what was asked and answered: by the id the
    log is found from a trace (sglang 0.5.17 srt/utils/request_logger.py). Nothing where the user has chosen already.
    """
    if any(argument.startswith("--log-requests") for argument in arguments):
        return []
    line = [*render(release, "--log-requests", True), *render(release, "--log-requests-level", 0)]
    if "--log-requests-format" in release.flags:
        line += render(release, "--log-requests-format", "json")
    return line


def _logged_headers(environment: Mapping[str, str], release: Engine) -> dict[str, str]:
    """The variable by which lines of requests name the trace. None where the release has no such variable, or the user
    has chosen already.
    """
    name, headers = LOGGED_HEADERS
    return {name: headers} if name in release.variables and name not in environment else {}


def _flags(release: Release, endpoint: str) -> list[str]:
    return [*render(release, "--enable-trace", True), *render(release, "--otlp-traces-endpoint", endpoint)]
