"""Every check is silent on the shipped stacks and objects, alone, to the one thing that it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from components.platform.load_balancer import policy as load_balancer
from components.rules import Severity
from infra.offline import Unknown
from infra.policy.check import Level
from infra.policy.checks.images import moves
from infra.policy.resource import Resource
from infra.policy.run import CHECKS, run, violations_of
from tests.unit.policy.stacks import Edit, broken, drop, fired, put, recording, resources, settings

POD = "spec/leaderWorkerTemplate/workerTemplate/spec"
LEADER = "spec/leaderWorkerTemplate/leaderTemplate/spec"
LIMITS = f"{POD}/containers/0/resources/limits"
CONTEXT = f"{POD}/containers/0/securityContext"
ALB = "alb.ingress.kubernetes.io/"


def statement(action: str, resource: Any = "*") -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})


def added(stack: str, type: str, **props: Any) -> list[Resource]:
    return [*resources(stack), Resource(f"urn:pulumi:test::test::{type}::added", type, "added", props)]


BROKEN: list[tuple[str, str, str, Edit, str]] = [
    # check, stack, resource, what is broken, what the message says
    ("gpu.selects-pool", "dev", "qwen3-8b-serve", put(f"{POD}/nodeSelector", {"sglang-hyperpod/pool": "p5"}), "no GPU"),
    ("gpu.selects-pool", "dev", "qwen3-8b-serve", drop(f"{POD}/nodeSelector"), "nothing selects no GPU pool"),
    ("gpu.selects-pool", "prod", "qwen3-30b-serve", put(f"{POD}/nodeSelector", {"kubernetes.io/os": "linux"}), "p5"),
    ("gpu.tolerates-pool", "dev", "qwen3-8b-serve", put(f"{POD}/tolerations", []), "nvidia.com/gpu=true:NoSchedule"),
    ("gpu.tolerates-pool", "prod", "qwen3-30b-serve", put(f"{POD}/tolerations/0/value", "no"), "never lands"),
    ("gpu.tolerates-pool", "prod", "hyperpod-cluster", put("instanceGroups/1/kubernetesConfig/taints/0/key", "k"), "k="),
    ("gpu.count", "prod", "qwen3-30b-serve", put(f"{LIMITS}/nvidia.com~gpu".replace("~", "|"), "3"), "3 GPUs"),
]
