"""The IAM policy of the AWS Load Balancer Controller.

`policy-v3.5.0.json` is `docs/install/iam_policy.json` of kubernetes-sigs/aws-load-balancer-controller at tag v3.5.0, as
it is (Apache-2.0): data that goes with one release of the controller, and is replaced with it. Pure.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

VERSION = "v3.5.0"


def statements(partition: str = "aws") -> list[dict[str, Any]]:
    """The policy's statements, 16 of them with 86 actions, for the resources of an AWS partition.

    In another partition nothing has an ARN that begins `arn:aws:`: the controller could make no load balancer there.
    """
    text = (
        resources.files("components.platform.load_balancer")
        .joinpath(f"policy-{VERSION}.json")
        .read_text(encoding="utf-8")
    )
    return list(json.loads(text.replace("arn:aws:", f"arn:{partition}:"))["Statement"])
