"""The policy pack on the engine: it passes the shipped stacks and stops what they would never contain."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pulumi_kubernetes as k8s
import pytest

from tests.engine.stack import ROOT, EngineStack

PACK = f"--policy-pack={ROOT / 'infra' / 'policy' / 'pack'}"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_shipped_stacks_pass(shipped: Callable[[str], EngineStack], name: str):
    preview = shipped(name).preview(PACK)
    assert preview.ok, preview.errors()
    assert "sglang-hyperpod@v0.1.0" in preview.output


def test_a_privileged_pod_is_stopped_in_the_preview(make_stack: Callable[..., EngineStack]):
    def program() -> None:
        provider = k8s.Provider("kube", kubeconfig="{}", cluster_identifier="x")
        privileged = k8s.core.v1.SecurityContextArgs(privileged=True)
        container = k8s.core.v1.ContainerArgs(name="shell", image="shell:1.0.0", security_context=privileged)
        k8s.core.v1.Pod(
            "pod",
            metadata={"name": "pod", "namespace": "inference"},
            spec=k8s.core.v1.PodSpecArgs(containers=[container]),
            opts=pulumi.ResourceOptions(provider=provider),
        )

    stopped = make_stack("dev", {"config": {}}, program).preview(PACK)
    assert not stopped.ok
    assert "pods-privileged" in stopped.output
