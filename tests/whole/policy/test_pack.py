"""The policy pack answers the engine's questions: asked here as the engine asks, over gRPC, by a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from infra.policy.check import Level
from infra.policy.pack.policies import policy_name
from infra.policy.run import CHECKS
from tests.shipped import ROOT

PACK = ROOT / "infra" / "policy" / "pack"
FILE_SYSTEM = "aws:fsx/lustreFileSystem:LustreFileSystem"


@pytest.fixture(scope="module")
def pack() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    command = [sys.executable, "-u", str(PACK), "127.0.0.1:1", "."]
    # This tree's program, also where another one is installed.
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=PACK, env=here, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
        process.kill()


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(dict(values))
    return made


def analyzed(pack: analyzer_pb2_grpc.AnalyzerStub, type: str, **props: Any) -> dict[str, str]:
    request = analyzer_pb2.AnalyzeRequest(type=type, urn="urn:x", name="x", properties=struct(props))
    return {found.policyName: found.message for found in pack.Analyze(request).diagnostics}


def test_every_check_is_a_policy_of_its_level(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = pack.GetAnalyzerInfo(empty_pb2.Empty())
    levels = {Level.ADVISORY: analyzer_pb2.ADVISORY, Level.MANDATORY: analyzer_pb2.MANDATORY}
    assert {policy.name: policy.enforcementLevel for policy in info.policies} == {
        policy_name(check): levels[check.level] for check in CHECKS
    }


def test_the_project_file_names_the_pack_and_its_environment() -> None:
    project = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert project["name"] == "sglang-hyperpod"
    assert (PACK / project["runtime"]["options"]["virtualenv"]).resolve() == (ROOT / ".venv").resolve()


def test_a_resource_is_checked_before_it_is_made(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    found = analyzed(pack, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", cidrIpv4="0.0.0.0/0", tags={})
    assert set(found) == {"exposure-ingress", "tags-stack"}
    assert "cidrIpv4: 0.0.0.0/0 is the whole internet; name the networks" in found["exposure-ingress"]


def test_an_unknown_ends_no_policy(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    found = analyzed(
        pack,
        "aws:ec2/launchTemplate:LaunchTemplate",
        tags=rpc.UNKNOWN,
        tagSpecifications=rpc.UNKNOWN,
        metadataOptions=rpc.UNKNOWN,
        blockDeviceMappings=[{"ebs": {"encrypted": rpc.UNKNOWN}}, {"deviceName": "b", "ebs": {"encrypted": "false"}}],
    )
    assert list(found) == ["encryption-node-disks"]
    assert "b is not encrypted" in found["encryption-node-disks"]


def test_a_component_whose_inputs_the_engine_does_not_tell_is_left_alone(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    assert analyzed(pack, "eks:index:Cluster") == {}


def resource(name: str, protect: bool) -> analyzer_pb2.AnalyzerResource:
    options = analyzer_pb2.AnalyzerResourceOptions(protect=protect)
    return analyzer_pb2.AnalyzerResource(
        type=FILE_SYSTEM, urn=f"urn:{name}", name=name, properties=struct({"id": name}), options=options
    )


def test_the_whole_stack_is_checked_together(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    guarded, loose = resource("guarded", protect=True), resource("loose", protect=False)
    both = pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[guarded, loose])).diagnostics
    assert [(found.policyName, found.urn) for found in both] == [("protection-stateful", "urn:loose")]
    assert list(pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[loose])).diagnostics) == []


def test_the_pack_can_be_told_that_the_stack_is_to_be_protected(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    config = analyzer_pb2.PolicyConfig(enforcementLevel=analyzer_pb2.MANDATORY, properties=struct({"protect": True}))
    pack.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig={"protection-stateful": config}))
    try:
        request = analyzer_pb2.AnalyzeStackRequest(resources=[resource("loose", protect=False)])
        assert [found.policyName for found in pack.AnalyzeStack(request).diagnostics] == ["protection-stateful"]
    finally:
        pack.Configure(analyzer_pb2.ConfigureAnalyzerRequest())


def test_a_pool_is_found_behind_its_launch_template(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    template = analyzer_pb2.AnalyzerResource(
        type="aws:ec2/launchTemplate:LaunchTemplate", urn="urn:template", name="t", properties=struct({"id": "lt-1"})
    )
    dependency = analyzer_pb2.AnalyzerPropertyDependencies(urns=["urn:template"])
    group = analyzer_pb2.AnalyzerResource(
        type="aws:eks/nodeGroup:NodeGroup",
        urn="urn:group",
        name="g",
        properties=struct({"nodeGroupName": "g6", "instanceTypes": ["g6.12xlarge"], "labels": {"pool": "g6"}}),
        propertyDependencies={"launchTemplate": dependency},
    )
    limits = {"nvidia.com/gpu": "4", "vpc.amazonaws.com/efa": "1"}
    pod = {"nodeSelector": {"pool": "g6"}, "containers": [{"name": "sglang", "resources": {"limits": limits}}]}
    ranks = analyzer_pb2.AnalyzerResource(
        type="kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
        urn="urn:ranks",
        name="r",
        properties=struct({"spec": {"leaderWorkerTemplate": {"size": 2, "workerTemplate": {"spec": pod}}}}),
    )
    found = pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=[template, group, ranks])).diagnostics
    assert [(one.policyName, one.urn) for one in found] == [("gpu-efa-interfaces", "urn:template")]


def test_the_checks_load_without_pulumi() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "infra" / "policy").rglob("*.py")
        if "pack" not in path.parts
    ]
    blocked = "import sys; sys.modules.update({name: None for name in ('pulumi', 'pulumi_aws', 'pulumi_policy')})"
    code = f"{blocked}; {'; '.join(f'import {name}' for name in sorted(names))}"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(ROOT), capture_output=True, text=True, check=False)
    assert done.stderr == ""
