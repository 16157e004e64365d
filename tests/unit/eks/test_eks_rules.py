"""Every rule of the cluster, each broken once: where it says so, and what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.aws.eks.settings import ClusterSettings, rules
from components.rules import Problem, Severity
from infra.settings import load_stack_file, validate
from infra.settings.schema import stack_file_schema

ADMIN = "arn:aws:iam::123456789012:role/platform/admin"
PRIVATE = {"eks.private-only"}


def cluster(**settings: Any) -> ClusterSettings:
    return ClusterSettings.model_validate({"name": "sglang-test", **settings})


def with_cni(version: str | None = None, environment: dict[str, str] | None = None, **settings: Any) -> ClusterSettings:
    return cluster(addons={"vpcCni": {"version": version, "environment": environment or {}}}, **settings)


def problems(settings: ClusterSettings) -> list[Problem]:
    return [problem for rule in rules.rules for problem in rule.run(rules.section, settings)]


def only(settings: ClusterSettings, rule: str) -> Problem:
    found = [problem for problem in problems(settings) if problem.rule not in PRIVATE]
    assert [problem.rule for problem in found] == [rule]
    return found[0]


@pytest.mark.parametrize("substrate", ["eks", "hyperpod"])
def test_the_shipped_settings_break_no_rule(substrate: str) -> None:
    settings = cluster(substrate=substrate, kubernetesVersion="1.34", supportPolicy="EXTENDED")
    assert {problem.rule for problem in problems(settings)} <= PRIVATE


@pytest.mark.parametrize("substrate", ["auto", "existing"])
def test_a_substrate_that_is_not_built(substrate: str) -> None:
    raw = load_stack_file(Path(__file__).parents[3] / "Pulumi.prod.yaml")
    found = validate({**raw, "cluster": {**raw["cluster"], "substrate": substrate}})
    (problem,) = found.errors
    assert (problem.path, problem.message) == ("cluster.substrate", f"{substrate} is not built yet")
    assert problem.fix == "use hyperpod or eks"


def test_the_schema_offers_the_substrates_that_are_built() -> None:
    offered = stack_file_schema()["$defs"]["Substrate"]["enum"]
    assert offered == ["hyperpod", "eks"]


def test_a_version_that_eks_does_not_have() -> None:
    found = {problem.rule: problem for problem in problems(cluster(kubernetesVersion="1.99"))}
    assert found["eks.version-known"].path == "cluster.kubernetesVersion"
    assert "1.34" in found["eks.version-known"].fix


def test_a_version_whose_support_has_ended() -> None:
    found = {problem.rule: problem for problem in problems(cluster(kubernetesVersion="1.30"))}
    assert found["eks.version-ended"].message == "support of EKS 1.30 ended on 2026-07-23"


def test_hyperpod_does_not_run_on_every_version() -> None:
    found = {problem.rule: problem for problem in problems(cluster(substrate="hyperpod", kubernetesVersion="1.35"))}
    assert found["eks.version-hyperpod"].message == "HyperPod runs on 1.28 to 1.34, not on 1.35"
    assert "eks.version-hyperpod" not in {problem.rule for problem in problems(cluster(kubernetesVersion="1.35"))}


def test_the_config_map_alone_lets_no_hyperpod_node_join() -> None:
    problem = only(cluster(authenticationMode="CONFIG_MAP"), "eks.authentication-mode")
    assert problem.path == "cluster.authenticationMode"
    assert problem.severity is Severity.ERROR


def test_the_config_map_beside_access_entries_is_owned_by_the_stack() -> None:
    assert only(cluster(authenticationMode="API_AND_CONFIG_MAP"), "eks.config-map").severity is Severity.ADVICE


def test_a_public_cidr_that_is_no_network() -> None:
    problem = only(cluster(endpoint={"publicCidrs": ["203.0.113.0/24", "203.0.113.7/24"]}), "eks.public-cidr")
    assert problem.path == "cluster.endpoint.publicCidrs[1]"


def test_the_api_is_not_opened_to_everyone() -> None:
    problem = only(cluster(endpoint={"publicCidrs": ["0.0.0.0/0"]}), "eks.public-everywhere")
    assert problem.path == "cluster.endpoint.publicCidrs[0]"
    assert problem.message == "0.0.0.0/0 opens the Kubernetes API to the whole internet"


def test_a_private_endpoint_says_from_where_to_deploy() -> None:
    (problem,) = problems(cluster())
    assert (problem.rule, problem.path) == ("eks.private-only", "cluster.endpoint.publicCidrs")
    assert problem.severity is Severity.ADVICE


def test_a_principal_with_two_entries() -> None:
    problem = only(cluster(accessEntries=[{"principalArn": ADMIN}, {"principalArn": ADMIN}]), "eks.access-once")
    assert problem.path == "cluster.accessEntries[1].principalArn"


@pytest.mark.parametrize(
    "principal",
    ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:assumed-role/admin/me", "arn:aws:iam::1:group/all"],
)
def test_a_principal_that_is_no_role_or_user(principal: str) -> None:
    problem = only(cluster(accessEntries=[{"principalArn": principal}]), "eks.access-principal")
    assert problem.path == "cluster.accessEntries[0].principalArn"
    assert problem.message == f"{principal} is no IAM role or user"


def test_a_cluster_administrator_of_one_namespace_is_a_warning() -> None:
    entry = {"principalArn": ADMIN, "policy": "AmazonEKSClusterAdminPolicy", "namespaces": ["inference"]}
    problem = only(cluster(accessEntries=[entry]), "eks.access-admin-scope")
    assert (problem.path, problem.severity) == ("cluster.accessEntries[0].policy", Severity.WARNING)


def test_a_control_plane_without_audit_log_is_advised_against() -> None:
    problem = only(cluster(logTypes=["api"]), "eks.audit-log")
    assert (problem.path, problem.severity) == ("cluster.logTypes", Severity.ADVICE)


def test_standard_support_would_upgrade_beyond_hyperpod() -> None:
    problem = only(cluster(substrate="hyperpod", supportPolicy="STANDARD"), "eks.support-hyperpod")
    assert (problem.path, problem.severity) == ("cluster.supportPolicy", Severity.WARNING)
    assert "(2026-12-02)" in problem.message
    assert {one.rule for one in problems(cluster(supportPolicy="STANDARD"))} <= PRIVATE


@pytest.mark.parametrize("version", ["v1.22.0-eksbuild.1", "v1.22.3-eksbuild.4"])
def test_a_cni_that_gives_node_addresses_to_pods(version: str) -> None:
    problem = only(with_cni(version), "eks.cni-node-address")
    assert problem.path == "cluster.addons.vpcCni.version"
    assert "v1.22.4-eksbuild.3" in problem.fix


@pytest.mark.parametrize("version", ["v1.21.2-eksbuild.2", "v1.22.4-eksbuild.3"])
def test_a_cni_beside_the_bad_ones(version: str) -> None:
    assert {problem.rule for problem in problems(with_cni(version))} <= PRIVATE


def test_a_cni_too_old_for_hyperpod() -> None:
    problem = only(with_cni("v1.18.2-eksbuild.1", substrate="hyperpod"), "eks.cni-hyperpod")
    assert problem.message == "HyperPod wants 1.18.3 or later, not v1.18.2-eksbuild.1"


def test_a_cni_that_wants_a_newer_policy_agent_is_a_warning() -> None:
    problem = only(with_cni("v1.23.0-eksbuild.1"), "eks.cni-agent")
    assert (problem.path, problem.severity) == ("cluster.addons.vpcCni.version", Severity.WARNING)


def test_prefix_delegation_on_hyperpod() -> None:
    settings = with_cni(environment={"ENABLE_PREFIX_DELEGATION": "true"}, substrate="hyperpod")
    problem = only(settings, "eks.cni-prefix-delegation")
    assert problem.path == "cluster.addons.vpcCni.environment.ENABLE_PREFIX_DELEGATION"


def test_strict_enforcement_of_network_policies() -> None:
    problem = only(with_cni(environment={"NETWORK_POLICY_ENFORCING_MODE": "strict"}), "eks.cni-enforcing-mode")
    assert problem.path == "cluster.addons.vpcCni.environment.NETWORK_POLICY_ENFORCING_MODE"


@pytest.mark.parametrize("version", ["v1.35.3-eksbuild.13", "v1.30.6-eksbuild.3"])
def test_a_kube_proxy_that_does_not_fit_the_control_plane(version: str) -> None:
    problem = only(cluster(addons={"kubeProxy": {"version": version}}), "eks.kube-proxy-skew")
    assert problem.path == "cluster.addons.kubeProxy.version"
    assert problem.message == f"{version} does not fit a control plane of 1.34"


def test_an_ebs_driver_that_does_not_know_hyperpod() -> None:
    addons = {"awsEbsCsiDriver": {"version": "v1.46.0-eksbuild.1"}}
    problem = only(cluster(substrate="hyperpod", addons=addons), "eks.ebs-csi-hyperpod")
    assert problem.path == "cluster.addons.awsEbsCsiDriver.version"
    assert {one.rule for one in problems(cluster(addons=addons))} <= PRIVATE


def test_an_addon_without_a_version_is_said_where_it_could_be_set() -> None:
    found = [problem for problem in problems(cluster(kubernetesVersion="1.33")) if problem.rule == "eks.addon-pinned"]
    assert [problem.path for problem in found] == [
        "cluster.addons.eksPodIdentityAgent.version",
        "cluster.addons.metricsServer.version",
        "cluster.addons.awsEbsCsiDriver.version",
    ]
    assert {problem.severity for problem in found} == {Severity.ADVICE}


def test_one_fault_hides_no_other() -> None:
    settings = with_cni(
        "v1.22.1-eksbuild.1", substrate="hyperpod", kubernetesVersion="1.35", endpoint={"publicCidrs": ["0.0.0.0/0"]}
    )
    assert {problem.rule for problem in problems(settings) if problem.severity is Severity.ERROR} == {
        "eks.version-hyperpod",
        "eks.public-everywhere",
        "eks.cni-node-address",
    }


def test_every_rule_has_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.id for rule in rules.rules if f'"{rule.id}"' not in text] == []
