"""The bucket of a store in the cluster: encrypted, private, over TLS only, its objects gone when their time is over."""

from __future__ import annotations

import json
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components.aws.identity.component import PodIdentity
from components.aws.identity.policies import Statement, allow
from components.base import Component

SLACK_DAYS: Final = 7
"""Days that the bucket waits for the store to delete what is too old; it deletes what the store has forgotten."""


def store_bucket(owner: Component, store: str, days: int) -> aws.s3.Bucket:
    """A bucket for `store`, whose objects are deleted some time after `days`; a protected stack keeps the bucket."""
    bucket = aws.s3.Bucket(
        f"{owner.name}-{store}-bucket",
        bucket_prefix=bucket_prefix(owner.ctx.cluster_name, store),
        # A stack that is not protected is taken down with what its store wrote.
        force_destroy=not owner.ctx.protect,
        tags=owner.ctx.named(store),
        opts=owner.stateful(),
    )
    access = aws.s3.BucketPublicAccessBlock(
        f"{owner.name}-{store}-private",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=owner.child(),
    )
    aes256 = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256"
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        f"{owner.name}-{store}-encryption",
        bucket=bucket.id,
        rules=[aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(apply_server_side_encryption_by_default=aes256)],
        opts=owner.child(),
    )
    aws.s3.BucketLifecycleConfiguration(
        f"{owner.name}-{store}-lifecycle",
        bucket=bucket.id,
        rules=[lifecycle(days)],
        opts=owner.child(),
    )
    aws.s3.BucketPolicy(
        f"{owner.name}-{store}-tls",
        bucket=bucket.id,
        policy=bucket.arn.apply(lambda arn: json.dumps(tls_only(arn))),
        # S3 refuses two changes of a bucket's access at once.
        opts=owner.child(depends_on=[access]),
    )
    return bucket


def bucket_prefix(cluster_name: str, store: str) -> str:
    """Prefix of the bucket's name; the provider takes at most 37 characters and adds 26 of its own."""
    return f"{cluster_name[: 35 - len(store)].rstrip('-')}-{store}-"


def lifecycle(days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """Objects go `SLACK_DAYS` after their time; parts of uploads that nobody finished go after a week."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id="expire",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days + SLACK_DAYS),
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=7
        ),
    )


def tls_only(arn: str) -> dict[str, Any]:
    """The bucket's policy: nobody without TLS."""
    refuse = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [refuse]}


def store_rights(
    owner: Component,
    store: str,
    bucket: aws.s3.Bucket,
    *,
    cluster_name: pulumi.Input[str],
    namespace: str,
    service_account: str,
) -> list[pulumi.Resource]:
    """The right of the store's pods to their bucket: what they wait for, since credentials are injected when a pod is
    admitted and one that came first would have none.
    """
    return PodIdentity(
        f"{owner.name}-{store}-identity",
        owner.ctx,
        cluster_name=cluster_name,
        namespace=namespace,
        service_account=service_account,
        statements=read_and_write(bucket.arn),
        opts=owner.child(),
    ).ready


def read_and_write(bucket_arn: pulumi.Output[str]) -> list[Statement]:
    """What a store does with its bucket."""
    return [
        allow(["s3:ListBucket"], [bucket_arn], sid="List"),
        allow(
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [pulumi.Output.concat(bucket_arn, "/*")], sid="Objects"
        ),
    ]
