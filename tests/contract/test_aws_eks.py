"""Network, cluster and identity against CloudFormation's schemas (from cfn-lint) and the policies that AWS manages."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

import cfnlint
import pytest

from components.aws.eks.component import CoreAddons, EksCluster
from components.aws.eks.core_addons import hyperpod_volume_statements
from components.aws.eks.models import AuthenticationMode, ClusterSettings, LogType, SupportPolicy
from components.aws.eks.plan import ADDON_FIELDS
from components.aws.identity.policies import document, wildcards
from components.aws.network.models import FlowLogs
from tests.support import context, run

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@cache
def schema(type_name: str) -> dict[str, Any]:
    for path in (SCHEMAS / "resources").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        if f'"{type_name}"' in text and (loaded := json.loads(text)).get("typeName") == type_name:
            return loaded
    raise LookupError(type_name)


def definition(type_name: str, name: str) -> dict[str, Any]:
    return schema(type_name)["definitions"][name]["properties"]


def test_every_authentication_mode_is_one_of_eks() -> None:
    known = definition("AWS::EKS::Cluster", "AccessConfig")["AuthenticationMode"]["enum"]
    assert {mode.value for mode in AuthenticationMode} == set(known)


def test_every_support_policy_is_one_of_eks() -> None:
    support = definition("AWS::EKS::Cluster", "UpgradePolicy")["SupportType"]
    assert {policy.value for policy in SupportPolicy} == set(support["enum"])


def test_every_log_type_is_one_of_eks() -> None:
    known = definition("AWS::EKS::Cluster", "LoggingTypeConfig")["Type"]["enum"]
    assert set(get_args(LogType)) == set(known)


@pytest.mark.parametrize("frozen", ["Name", "RoleArn", "EncryptionConfig", "BootstrapSelfManagedAddons"])
def test_what_the_settings_call_frozen_replaces_the_cluster(frozen: str) -> None:
    assert f"/properties/{frozen}" in schema("AWS::EKS::Cluster")["createOnlyProperties"]


def test_addons_may_overwrite_and_are_replaced_by_name() -> None:
    addon = schema("AWS::EKS::Addon")
    assert "OVERWRITE" in addon["properties"]["ResolveConflicts"]["enum"]
    assert "/properties/AddonName" in addon["createOnlyProperties"]
    assert all(len(name) >= addon["properties"]["AddonName"]["minLength"] for name in ADDON_FIELDS)


def test_flow_logs_write_traffic_that_exists() -> None:
    traffic = schema("AWS::EC2::FlowLog")["properties"]["TrafficType"]["enum"]
    chosen = FlowLogs.model_fields["traffic"].annotation
    assert set(get_args(chosen)) == set(traffic)


def test_log_retention_is_what_cloudwatch_takes() -> None:
    days = schema("AWS::Logs::LogGroup")["properties"]["RetentionInDays"]["enum"]
    for model, field in ((ClusterSettings, "log_retention_days"), (FlowLogs, "retention_days")):
        assert set(get_args(model.model_fields[field].annotation)) <= set(days)


def test_subnets_are_placed_by_zone_id() -> None:
    assert "AvailabilityZoneId" in schema("AWS::EC2::Subnet")["properties"]


def managed_policies() -> dict[str, Any]:
    path = SHARED / "schemas" / "aws-managed-policies.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the repository")
    return json.loads(path.read_text(encoding="utf-8"))


def test_managed_policies_that_are_attached_exist() -> None:
    known = managed_policies()
    attached = [policy for policy in attached_policies() if ":aws:policy/" in policy]
    assert {policy.rsplit("/", 1)[-1] for policy in attached} == {
        "AmazonEBSCSIDriverPolicyV2",
        "AmazonEKSClusterPolicy",
    }
    assert {policy.rsplit("/", 1)[-1] for policy in attached} <= set(known)


def attached_policies() -> list[str]:
    """ARNs of the managed policies that the cluster and its core add-ons attach."""

    def program() -> None:
        settings = ClusterSettings(name="sglang-test")
        EksCluster(
            "cluster",
            context(),
            settings,
            vpc_id="vpc-0000000a",
            control_plane_subnet_ids=["subnet-0000000a", "subnet-0000000b"],
            node_security_group_id="sg-0000000a",
        )
        CoreAddons("addons", context(), settings, cluster_name="sglang-test", node_selector={})

    recording = run(program, region="us-east-1")
    attachments = recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    return [attachment.inputs["policyArn"] for attachment in attachments]


def test_volume_statements_name_actions_and_no_wildcard() -> None:
    statements = hyperpod_volume_statements("us-east-1", "sglang-test")
    assert wildcards(document(statements)) == []
