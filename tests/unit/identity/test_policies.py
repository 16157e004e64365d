"""What a policy grants, and the check that finds too much of it."""

from __future__ import annotations

import json

import pytest

from components.aws.identity.policies import (
    allow,
    document,
    managed_policy,
    partition,
    pod_identity_trust,
    service_trust,
    wildcards,
)

BUCKET = "arn:aws:s3:::weights"


def test_pods_take_a_role_and_tag_the_session() -> None:
    (statement,) = json.loads(pod_identity_trust())["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_a_service_takes_a_role_without_tags_unless_asked() -> None:
    assert json.loads(service_trust("sagemaker.amazonaws.com"))["Statement"][0]["Action"] == ["sts:AssumeRole"]


def test_a_narrow_policy_has_no_fault() -> None:
    statements = [
        allow(["s3:GetObject"], [f"{BUCKET}/*"]),
        allow(["ec2:DescribeInstances"], ["*"]),
        allow(["ecr:GetAuthorizationToken"], ["*"]),
        allow(["ec2:CreateTags"], ["*"], condition={"StringEquals": {"ec2:CreateAction": "CreateVolume"}}),
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
    ]
    assert wildcards(document(statements)) == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ({"Effect": "Allow", "Action": "*", "Resource": BUCKET}, "statement 0: allows every action"),
        (allow(["s3:*"], [BUCKET]), "statement 0: allows every action of s3"),
        (
            allow(["s3:PutObject"], ["*"], sid="Write"),
            "statement Write: allows s3:PutObject on every resource without a condition",
        ),
        (
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": BUCKET},
            "statement 0: NotAction allows whatever it does not name",
        ),
        (
            {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": BUCKET},
            "statement 0: NotResource allows whatever it does not name",
        ),
    ],
)
def test_what_grants_too_much(statement: dict[str, object], fault: str) -> None:
    assert wildcards(json.dumps(document([statement]))) == [fault]


def test_one_fault_hides_no_other() -> None:
    assert len(wildcards(document([allow(["s3:PutObject", "sqs:*"], ["*"]), allow(["*"], ["*"])]))) == 3


@pytest.mark.parametrize(
    ("region", "name"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_of_a_region(region: str, name: str) -> None:
    assert partition(region) == name
    assert managed_policy("AmazonEKSClusterPolicy", region) == f"arn:{name}:iam::aws:policy/AmazonEKSClusterPolicy"
