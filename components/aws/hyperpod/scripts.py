"""The lifecycle scripts in their bucket: what every node fetches and runs when it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pulumi
import pulumi_aws as aws

from components.aws.hyperpod.permissions import bucket_policy
from components.aws.hyperpod.settings import HyperPodSettings
from components.base import Component, Context

FOLDER: Final = Path(__file__).parent / "lifecycle"
SCRIPT: Final = "on_create.sh"
CONFIGURATION: Final = "lifecycle.conf"
"""Shell variables that the script reads; written from the settings."""
PREFIX: Final = "lifecycle"
"""Folder of the scripts in their bucket."""


class Lifecycle(Component):
    """The bucket with the lifecycle scripts. Its name begins `sagemaker-`: nodes may read no other by default."""

    token = "sglang-hyperpod:aws:Lifecycle"

    bucket_arn: pulumi.Output[str]
    source: pulumi.Output[str]
    """URI of the folder with the scripts."""
    ready: list[pulumi.Resource]
    """The scripts: a cluster created before them fails."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        settings: HyperPodSettings,
        *,
        efa_lustre: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, ctx, opts)
        fixed = settings.lifecycle.bucket_name
        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=fixed,
            bucket_prefix=None if fixed else bucket_prefix(ctx.cluster_name),
            # Everything in it is written by this program, so that taking the stack down must not stop at it.
            force_destroy=True,
            tags=ctx.named("lifecycle"),
            opts=self.stateful(),
        )
        guards = self._guard(bucket)
        files = {
            SCRIPT: (FOLDER / SCRIPT).read_text("utf-8").replace("\r\n", "\n"),
            CONFIGURATION: f"EFA_LUSTRE_CLIENT={str(efa_lustre).lower()}\n",
        }
        self.ready = [
            aws.s3.BucketObjectv2(
                f"{name}-{file}",
                bucket=bucket.id,
                key=f"{PREFIX}/{file}",
                content=content,
                content_type="text/plain",
                tags=dict(ctx.tags),
                # Versioning must be on before the first object, or its first state is lost.
                opts=self.child(depends_on=guards),
            )
            for file, content in files.items()
        ]
        self.bucket_arn = bucket.arn
        self.source = pulumi.Output.concat("s3://", bucket.id, f"/{PREFIX}")
        self.register_outputs({"source": self.source})

    def _guard(self, bucket: aws.s3.Bucket) -> list[pulumi.Resource]:
        access = aws.s3.BucketPublicAccessBlock(
            f"{self.name}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        aes256 = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256"
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self.name}-encryption",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(apply_server_side_encryption_by_default=aes256)
            ],
            opts=self.child(),
        )
        versioning = aws.s3.BucketVersioning(
            f"{self.name}-versions",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=self.child(),
        )
        aws.s3.BucketPolicy(
            f"{self.name}-tls",
            bucket=bucket.id,
            policy=bucket.arn.apply(lambda arn: json.dumps(bucket_policy(arn))),
            # S3 refuses two changes of a bucket's access at once.
            opts=self.child(depends_on=[access]),
        )
        return [encryption, versioning]


def bucket_prefix(cluster_name: str) -> str:
    """Prefix of the bucket's name: `sagemaker-` and as much of the cluster's name as there is room for.

    The provider takes at most 37 characters of prefix and adds 26 of its own.
    """
    return f"sagemaker-{cluster_name}"[:36].rstrip("-") + "-"
