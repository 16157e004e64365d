"""What tests of components share: running a small program in process and asking what it registered.

    def test_the_subnet_lies_in_its_vpc():
        recording = run(lambda: Network("network", context(), plan), region="us-east-1")
        subnet = recording.one("aws:ec2/subnet:Subnet", "network-nodes-use1-az4")
        assert subnet.inputs["vpcId"] == Unknown("network-vpc.id")

An unknown reads `<resource.output>`, a secret `<secret>`; both are strings of their own class.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from components.base import Context
from infra.offline import Recorded, Recording, Secret, Unknown, record

__all__ = ["Recorded", "Recording", "Secret", "Unknown", "context", "run"]


def run(program: Callable[[], Any], *, preview: bool = True, secrets: Collection[str] = (), **config: Any) -> Recording:
    """Record `program`. `config` holds settings by section (`region="us-east-1"`), structures as they are; `secrets`
    names those that are secrets. `preview=False` gives every output a made-up value, so that `apply` runs.
    """
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return record(
        program,
        stack="test",
        config={f"sglang-hyperpod:{key}": text for key, text in texts.items()},
        secret_keys={f"sglang-hyperpod:{key}" for key in secrets},
        preview=preview,
    )


def context(*, stack: str = "test", protect: bool = False, **tags: str) -> Context:
    """A component's context: region us-east-1, cluster `sglang-test`."""
    return Context(stack, "us-east-1", "sglang-test", protect, tags)
