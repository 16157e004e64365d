"""Each rule of the platform's rooms: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from components.platform.efa.settings import EfaSettings
from components.platform.efa.settings import rules as efa_rules
from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.gpu_operator.settings import rules as gpu_rules
from components.platform.keda.settings import KedaSettings
from components.platform.keda.settings import rules as keda_rules
from components.platform.load_balancer.settings import LoadBalancerSettings
from components.platform.load_balancer.settings import rules as load_balancer_rules
from components.platform.lws.settings import LwsSettings
from components.platform.lws.settings import rules as lws_rules
from components.rules import Problem, RuleSet, Severity

ROOMS: dict[type[Any], RuleSet] = {
    EfaSettings: efa_rules,
    GpuOperatorSettings: gpu_rules,
    LwsSettings: lws_rules,
    LoadBalancerSettings: load_balancer_rules,
    KedaSettings: keda_rules,
}


def problems(settings: Any) -> list[Problem]:
    rules = ROOMS[type(settings)]
    return [problem for rule in rules.rules for problem in rule.run(rules.section, settings)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_the_defaults_break_no_rule(room: type[Any]) -> None:
    assert problems(room()) == []


@pytest.mark.parametrize(
    ("settings", "rule", "path", "message", "fix"),
    [
        (
            EfaSettings(chart_version="v0.5.10", image_tag="v0.5.6"),
            "efa.crashing-image",
            "platform.efa.imageTag",
            "v0.5.6 crashes on g6 nodes",
            "use v0.5.20 with chart v0.5.30",
        ),
        (
            EfaSettings(chart_version="v0.5.18", image_tag="v0.5.10"),
            "efa.unverified-image",
            "platform.efa.imageTag",
            "whether image v0.5.10 still has the crash of v0.5.6 is unknown",
            "v0.5.13 or newer",
        ),
        (
            EfaSettings(chart_version="v0.5.20", image_tag="v0.5.20"),
            "efa.chart-image-pair",
            "platform.efa.imageTag",
            "chart v0.5.20 was released with image v0.5.13, not v0.5.20",
            "set imageTag: v0.5.13, or chartVersion: v0.5.29 for image v0.5.20",
        ),
        (
            EfaSettings(chart_version="v0.5.31"),
            "efa.unknown-chart",
            "platform.efa.chartVersion",
            "which image chart v0.5.31 was released with is not known",
            "compare its appVersion with imageTag v0.5.20",
        ),
        (
            GpuOperatorSettings(chart_version="v25.3.0"),
            "gpu-operator.plugin-validation",
            "platform.gpuOperator.chartVersion",
            "checked with chart v26.7.0, not v25.3.0",
            "use v26.7.0",
        ),
        (
            LwsSettings(chart_version="0.5.1", image_tag="v0.5.1"),
            "lws.too-old",
            "platform.lws.chartVersion",
            "0.5.1 does not inject LWS_WORKER_INDEX",
            "use 0.10.0",
        ),
        (
            LwsSettings(chart_version="0.7.0", image_tag="v0.7.0"),
            "lws.crd-boundary",
            "platform.lws.chartVersion",
            "an upgrade of chart 0.7.0 to 0.8 or newer deletes the CRD",
            "0.8.0 or newer",
        ),
        (
            LwsSettings(chart_version="0.9.0", image_tag="v0.9.0"),
            "lws.not-the-checked-release",
            "platform.lws.chartVersion",
            "LeaderWorkerSet 0.10.0, not 0.9.0",
            "use 0.10.0",
        ),
        (
            LwsSettings(image_tag="v0.9.0"),
            "lws.chart-image-pair",
            "platform.lws.imageTag",
            "image v0.9.0 runs with the CRDs and rights of chart 0.10.0",
            "set imageTag: v0.10.0",
        ),
        (LwsSettings(replicas=1), "lws.single-replica", "platform.lws.replicas", "fail closed", "set replicas: 2"),
        (
            LoadBalancerSettings(chart_version="3.6.0"),
            "load-balancer.policy-version",
            "platform.loadBalancer.chartVersion",
            "controller 3.6.0 would run with the IAM policy of 3.5.0",
            "use 3.5.0",
        ),
        (
            LoadBalancerSettings(replicas=1),
            "load-balancer.single-replica",
            "platform.loadBalancer.replicas",
            "does not become a target",
            "set replicas: 2",
        ),
        (
            KedaSettings(chart_version="2.17.1"),
            "keda.untested-release",
            "platform.keda.chartVersion",
            "CRDs of KEDA 2.20.2, not 2.17.1",
            "use 2.20.2",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)
def test_a_bad_setting_is_told(settings: Any, rule: str, path: str, message: str, fix: str) -> None:
    (problem,) = [problem for problem in problems(settings) if problem.rule == rule]
    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix


def test_a_crashing_image_is_an_error_and_an_unverified_one_a_warning() -> None:
    crashing = {problem.severity for problem in problems(EfaSettings(chart_version="v0.5.10", image_tag="v0.5.6"))}
    unverified = {problem.severity for problem in problems(EfaSettings(chart_version="v0.5.12", image_tag="v0.5.7"))}
    assert (crashing, unverified) == ({Severity.ERROR}, {Severity.WARNING})


@pytest.mark.parametrize("settings", [EfaSettings(enabled=False, chart_version="v0.5.10", image_tag="v0.5.6")])
def test_what_is_switched_off_breaks_no_rule(settings: EfaSettings) -> None:
    assert problems(settings) == []


@pytest.mark.parametrize("tag", ["latest", "main", "v0.5"])
def test_a_tag_that_moves_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="imageTag"):
        EfaSettings.model_validate({"imageTag": tag})
