"""Which versions the add-ons get, and what the facts say of EKS's own versions."""

from __future__ import annotations

from datetime import date

import pytest

from components.aws.eks.plan import ADDON_FIELDS, plan_addons
from components.aws.eks.settings import ClusterSettings
from components.aws.eks.versions import parse, release
from components.facts.addons import addon_version
from components.facts.eks_versions import HYPERPOD_VERSIONS, eks_version, known_versions


def cluster(**settings: object) -> ClusterSettings:
    return ClusterSettings.model_validate({"name": "sglang-test", **settings})


def test_the_shipped_version_has_every_addon_pinned_with_a_source() -> None:
    plans = plan_addons(cluster(kubernetesVersion="1.34"))
    assert list(plans) == list(ADDON_FIELDS)
    assert plans["vpc-cni"].version == "v1.22.4-eksbuild.3"
    assert all(plan.version and plan.source for plan in plans.values())


def test_the_users_version_goes_before_the_pinned_one() -> None:
    settings = cluster(addons={"coredns": {"version": "v1.13.2-eksbuild.24"}})
    assert plan_addons(settings)["coredns"].version == "v1.13.2-eksbuild.24"


def test_an_addon_without_a_source_is_left_to_eks_and_said_so() -> None:
    plan = plan_addons(cluster(kubernetesVersion="1.33"))["metrics-server"]
    assert (plan.version, plan.source) == (None, "the default of EKS 1.33")


@pytest.mark.parametrize("addon", sorted(ADDON_FIELDS))
def test_pinned_versions_are_versions(addon: str) -> None:
    for kubernetes in known_versions():
        if pinned := addon_version(addon, kubernetes):
            assert parse(pinned.version)[3] > 0


def test_a_pinned_kube_proxy_is_of_the_control_planes_minor() -> None:
    for kubernetes in known_versions():
        if pinned := addon_version("kube-proxy", kubernetes):
            assert release(pinned.version)[:2] == release(kubernetes)[:2]


def test_versions_are_ordered_as_numbers() -> None:
    assert parse("v1.9.3-eksbuild.19") < parse("v1.10.1-eksbuild.2") < parse("v1.10.1-eksbuild.13")
    assert release("v1.22.4-eksbuild.3") == (1, 22, 4)


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="latest is no version"):
        parse("latest")


def test_the_surcharge_begins_the_day_after_standard_support() -> None:
    version = eks_version("1.34")
    days = [date(2026, 12, 2), date(2026, 12, 3), date(2027, 12, 2), date(2027, 12, 3)]
    assert [version.support_on(day) for day in days] == ["standard", "extended", "extended", "ended"]


def test_hyperpod_runs_on_a_range_of_versions() -> None:
    assert HYPERPOD_VERSIONS == ("1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
