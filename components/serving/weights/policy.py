"""What an engine may do with the bucket that it streams weights from. Pure."""

from __future__ import annotations

from components.aws.identity.policies import Statement, allow


def read_bucket(bucket: str, prefix: str, partition: str = "aws") -> list[Statement]:
    """Statements that allow reading the objects below `prefix`, and listing those alone."""
    arn = f"arn:{partition}:s3:::{bucket}"
    listing = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
    return [
        allow(["s3:GetObject"], [f"{arn}/{prefix}/*"], sid="ReadWeights"),
        allow(["s3:ListBucket"], [arn], sid="ListWeights", condition=listing),
    ]
