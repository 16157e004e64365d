"""What the cluster and its core add-ons register."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.aws.eks.children import children
from components.aws.eks.component import CoreAddons, EksCluster
from components.aws.eks.settings import AuthenticationMode, ClusterSettings
from components.aws.identity.policies import wildcards
from tests.support import Recorded, Recording, Unknown, context, run

CLUSTER = "eks:index:Cluster"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
KEY = "aws:kms/key:Key"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
GIVEN_KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b"
ADMIN = "arn:aws:iam::123456789012:role/platform/admin"


def settings(**given: Any) -> ClusterSettings:
    return ClusterSettings.model_validate({"name": "sglang-test", **given})


def recorded(
    *, preview: bool = True, protect: bool = False, seen: list[EksCluster] | None = None, **given: Any
) -> Recording:
    def program() -> None:
        cluster = EksCluster(
            "cluster",
            context(protect=protect, team="inference"),
            settings(**given),
            vpc_id="vpc-0000000a",
            control_plane_subnet_ids=["subnet-0000000a", "subnet-0000000b"],
            node_security_group_id="sg-0000000a",
        )
        (seen if seen is not None else []).append(cluster)

    return run(program, preview=preview, region="us-east-1")


def core(preview: bool = True, **given: Any) -> Recording:
    def program() -> None:
        CoreAddons(
            "addons",
            context(),
            settings(**given),
            cluster_name="sglang-test",
            node_selector={"sglang-hyperpod/pool": "system"},
        )

    return run(program, preview=preview, region="us-east-1")


def cluster_of(recording: Recording) -> Recorded:
    (cluster,) = recording.of_type(CLUSTER)
    return cluster


def addons(recording: Recording) -> dict[str, Recorded]:
    return {resource.inputs["addonName"]: resource for resource in recording.of_type(ADDON)}


def configuration(addon: Recorded) -> dict[str, Any]:
    return json.loads(addon.inputs["configurationValues"])


def test_nothing_is_left_to_the_components_own_ideas() -> None:
    inputs = cluster_of(recorded()).inputs
    assert inputs["skipDefaultNodeGroup"] is True
    assert inputs["skipDefaultSecurityGroups"] is True
    assert inputs["useDefaultVpcCni"] is True
    assert inputs["createInstanceRole"] is False
    assert inputs["bootstrapSelfManagedAddons"] is False
    assert inputs["kubeProxyAddonOptions"]["enabled"] is False
    assert inputs["corednsAddonOptions"]["enabled"] is False
    assert inputs["serviceRole"]


def test_the_version_and_its_support_are_said() -> None:
    inputs = cluster_of(recorded(kubernetesVersion="1.33", supportPolicy="STANDARD")).inputs
    assert inputs["version"] == "1.33"
    assert inputs["upgradePolicy"] == {"supportType": "STANDARD"}


def test_without_public_networks_the_api_is_private() -> None:
    inputs = cluster_of(recorded()).inputs
    assert (inputs["endpointPrivateAccess"], inputs["endpointPublicAccess"]) == (True, False)
    assert "publicAccessCidrs" not in inputs


def test_public_networks_reach_the_api_beside_the_vpc() -> None:
    inputs = cluster_of(recorded(endpoint={"publicCidrs": ["203.0.113.0/24"]})).inputs
    assert (inputs["endpointPrivateAccess"], inputs["endpointPublicAccess"]) == (True, True)
    assert inputs["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_the_cluster_waits_for_its_log_group_and_its_rights() -> None:
    recording = recorded()
    (group,) = recording.of_type("aws:cloudwatch/logGroup:LogGroup")
    (attached,) = recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    (inline,) = recording.of_type(ROLE_POLICY)
    assert group.inputs["name"] == "/aws/eks/sglang-test/cluster"
    assert {group.urn, attached.urn, inline.urn} <= set(cluster_of(recording).depends_on)


def test_secrets_are_encrypted_with_a_key_of_the_stack() -> None:
    recording = recorded(preview=False)
    (key,) = recording.of_type(KEY)
    (policy,) = recording.of_type(ROLE_POLICY)
    assert key.inputs["enableKeyRotation"] is True
    assert key.urn in cluster_of(recording).property_dependencies["encryptionConfigKeyArn"]
    assert wildcards(policy.inputs["policy"]) == []
    assert key.urn in policy.depends_on


def test_secrets_are_encrypted_with_a_given_key() -> None:
    recording = recorded(secretsKeyArn=GIVEN_KEY)
    assert not recording.of_type(KEY)
    assert cluster_of(recording).inputs["encryptionConfigKeyArn"] == GIVEN_KEY


@pytest.mark.parametrize("protect", [True, False])
def test_a_protected_stack_keeps_its_cluster_and_its_key(protect: bool) -> None:
    recording = recorded(protect=protect)
    (key,) = recording.of_type(KEY)
    for guarded in (key, cluster_of(recording)):
        assert (guarded.protect, guarded.retain_on_delete) == (protect, protect)
    assert cluster_of(recording).inputs["deletionProtection"] is protect


def test_addons_that_nodes_need_come_with_the_cluster_and_the_others_later() -> None:
    assert set(addons(recorded())) == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}
    assert set(addons(core())) == {"coredns", "metrics-server", "aws-ebs-csi-driver"}


def test_addons_have_the_pinned_versions_and_one_owner() -> None:
    for addon in [*addons(recorded()).values(), *addons(core()).values()]:
        assert "-eksbuild." in addon.inputs["addonVersion"]
        assert addon.inputs["resolveConflictsOnCreate"] == addon.inputs["resolveConflictsOnUpdate"] == "OVERWRITE"


def test_network_policies_are_enforced() -> None:
    given = {"vpcCni": {"environment": {"WARM_IP_TARGET": "2"}}}
    assert configuration(addons(recorded())["vpc-cni"]) == {"enableNetworkPolicy": "true"}
    assert configuration(addons(recorded(addons=given))["vpc-cni"]) == {
        "enableNetworkPolicy": "true",
        "env": {"WARM_IP_TARGET": "2"},
    }


def test_nodes_and_control_plane_reach_each_other() -> None:
    recording = recorded(preview=False)
    rules = {rule.name: rule.inputs for rule in recording.of_type(INGRESS)}
    to_api, to_nodes = rules["cluster-api-from-nodes"], rules["cluster-nodes-from-api"]
    assert (to_api["referencedSecurityGroupId"], to_api["fromPort"], to_api["toPort"]) == ("sg-0000000a", 443, 443)
    assert (to_nodes["securityGroupId"], to_nodes["ipProtocol"]) == ("sg-0000000a", "tcp")
    assert to_nodes["referencedSecurityGroupId"] == to_api["securityGroupId"] != "sg-0000000a"


def test_principals_get_what_their_entry_says() -> None:
    entry = {"principalArn": ADMIN, "policy": "AmazonEKSEditPolicy", "namespaces": ["inference"]}
    recording = recorded(accessEntries=[entry, {"principalArn": ADMIN.replace("123", "999")}])
    assert len({resource.name for resource in recording.of_type(ENTRY)}) == 2
    edit, view = (resource.inputs for resource in recording.of_type(POLICY))
    assert edit["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    assert edit["accessScope"] == {"type": "namespace", "namespaces": ["inference"]}
    assert view["policyArn"].endswith("/AmazonEKSViewPolicy")
    assert view["accessScope"] == {"type": "cluster"}


def test_the_kubernetes_provider_has_a_known_identifier_and_no_credentials() -> None:
    preview = recorded()
    (unknown,) = (resource for resource in preview.resources if resource.name == "cluster-kube")
    assert unknown.inputs["clusterIdentifier"] == "us-east-1/sglang-test"
    assert isinstance(unknown.inputs["kubeconfig"], Unknown)
    (known,) = (resource for resource in recorded(preview=False).resources if resource.name == "cluster-kube")
    (user,) = json.loads(known.inputs["kubeconfig"])["users"]
    assert set(user["user"]) == {"exec"}


def test_what_hands_the_name_on_waits_for_the_cluster() -> None:
    seen: list[EksCluster] = []
    recording = recorded(seen=seen)
    assert seen[0].cluster_name == "sglang-test"
    made = [resource for resource in recording.resources if resource.made_by == "eks"]
    for addon in addons(recording).values():
        assert {resource.urn for resource in made} & set(addon.depends_on)


def test_coredns_and_the_ebs_controller_run_on_the_system_pool() -> None:
    made = addons(core())
    system = {"sglang-hyperpod/pool": "system"}
    assert configuration(made["coredns"]) == {"nodeSelector": system, "replicaCount": 2}
    assert configuration(made["aws-ebs-csi-driver"])["controller"]["nodeSelector"] == system
    assert configuration(made["aws-ebs-csi-driver"])["node"] == {"tolerateAllTaints": True}


def test_the_ebs_controller_starts_after_its_identity() -> None:
    recording = core()
    (association,) = recording.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert association.inputs["serviceAccount"] == "ebs-csi-controller-sa"
    assert association.urn in addons(recording)["aws-ebs-csi-driver"].depends_on


def test_on_hyperpod_volumes_are_attached_through_sagemaker() -> None:
    (policy,) = core(preview=False, substrate="hyperpod").of_type(ROLE_POLICY)
    attach, describe = json.loads(policy.inputs["policy"])["Statement"]
    assert attach["Action"] == ["sagemaker:AttachClusterNodeVolume", "sagemaker:DetachClusterNodeVolume"]
    assert attach["Condition"] == {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
    assert describe["Resource"] == ["arn:aws:eks:us-east-1:*:cluster/sglang-test"]
    assert wildcards(policy.inputs["policy"]) == []
    assert not core(substrate="eks").of_type(ROLE_POLICY)


def test_volumes_are_gp3_encrypted_and_bound_where_the_pod_runs() -> None:
    (made,) = core().of_type("kubernetes:storage.k8s.io/v1:StorageClass")
    assert made.inputs["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert made.inputs["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert made.inputs["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made.delete_before_replace is True


def test_what_eks_makes_itself_is_listed() -> None:
    api = {child.name: child.type for child in children("cluster", AuthenticationMode.API)}
    assert api == {
        "cluster-eksCluster": "aws:eks/cluster:Cluster",
        "cluster-eks-k8s": "pulumi:providers:kubernetes",
    }
    both = {child.name for child in children("cluster", AuthenticationMode.API_AND_CONFIG_MAP)}
    assert both - set(api) == {"cluster-nodeAccess"}


def test_an_offline_run_shows_no_child_that_eks_does_not_make() -> None:
    shown = {(child.type, child.name) for child in recorded().resources if child.made_by == "eks"}
    assert shown
    assert shown <= {(child.type, child.name) for child in children("cluster", AuthenticationMode.API)}
