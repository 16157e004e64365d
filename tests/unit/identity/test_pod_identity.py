"""What an identity of pods registers."""

from __future__ import annotations

import json

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import allow
from tests.support import Recording, context, run

ROLE = "aws:iam/role:Role"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonFSxReadOnlyAccess"


def recorded(seen: list[str]) -> Recording:
    def program() -> None:
        identity = PodIdentity(
            "weights",
            context(team="inference"),
            cluster_name="sglang-test",
            namespace="inference",
            service_account="engine",
            statements=[allow(["s3:GetObject"], ["arn:aws:s3:::weights/*"])],
            managed_policy_arns=[READ_ONLY],
        )
        seen.extend(resource._name for resource in identity.ready)

    return run(program, preview=False, region="us-east-1")


def test_the_role_is_for_pods_of_one_service_account() -> None:
    recording = recorded([])
    (role,) = recording.of_type(ROLE)
    (association,) = recording.of_type(ASSOCIATION)
    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Principal"] == {
        "Service": "pods.eks.amazonaws.com"
    }
    wanted = {"clusterName": "sglang-test", "namespace": "inference", "serviceAccount": "engine"}
    assert wanted.items() <= association.inputs.items()
    assert role.urn in association.property_dependencies["roleArn"]


def test_what_it_may_do_is_one_inline_policy_and_the_managed_ones() -> None:
    recording = recorded([])
    (inline,) = recording.of_type("aws:iam/rolePolicy:RolePolicy")
    (attached,) = recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert json.loads(inline.inputs["policy"])["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::weights/*"]}
    ]
    assert attached.inputs["policyArn"] == READ_ONLY


def test_pods_can_wait_for_the_policies_and_the_association() -> None:
    seen: list[str] = []
    recorded(seen)
    assert sorted(seen) == ["weights-AmazonFSxReadOnlyAccess", "weights-association", "weights-policy"]
