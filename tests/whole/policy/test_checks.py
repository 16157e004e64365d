"""Every check is silent on the shipped stacks and objects, alone, to the one thing that it is about."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from components.facts import pins
from components.facts.engines import DEFAULT_IMAGES
from components.platform.load_balancer import policy as load_balancer
from components.rules import Problem, Severity
from infra.offline import Unknown
from infra.policy.check import Level
from infra.policy.checks.images import moves
from infra.policy.checks.protection import STATEFUL
from infra.policy.resource import Resource
from infra.policy.run import CHECKS, run, violations_of
from tests.shipped import recording, settings
from tests.whole.policy.stacks import Edit, broken, drop, fired, put, resources

WORKER = ("spec", "leaderWorkerTemplate", "workerTemplate", "spec")
LIMITS = (*WORKER, "containers", 0, "resources", "limits")
CONTEXT = (*WORKER, "containers", 0, "securityContext")
POD_SPEC = ("spec", "template", "spec")
IMAGE = (*WORKER, "containers", 0, "image")
ENFORCE = ("metadata", "labels", "pod-security.kubernetes.io/enforce")
GPU, EFA = "nvidia.com/gpu", "vpc.amazonaws.com/efa"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"


def statement(action: str, resource: Any = "*") -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})


BROKEN: list[tuple[str, str, str, Edit, str]] = [
    ("gpu.selects-pool", "dev", "qwen3-8b-serve", put({"a": "b"}, *WORKER, "nodeSelector"), "a: b selects no GPU pool"),
    ("gpu.selects-pool", "dev", "qwen3-8b-serve", drop(*WORKER, "nodeSelector"), "nothing selects no GPU pool"),
    ("gpu.selects-pool", "prod", "qwen3-30b-serve", put({}, *WORKER, "nodeSelector"), "selects p5, g6e"),
    ("gpu.tolerates-pool", "dev", "qwen3-8b-serve", put([], *WORKER, "tolerations"), "no pod ever lands there"),
    (
        "gpu.tolerates-pool",
        "prod",
        "qwen3-30b-serve",
        put("no", *WORKER, "tolerations", 0, "value"),
        "pool g6e is tainted nvidia.com/gpu=true:NoSchedule",
    ),
    ("gpu.tolerates-pool", "dev", "g6-group", put("NO_EXECUTE", "taints", 0, "effect"), "gpu=true:NoExecute"),
    ("gpu.count", "prod", "qwen3-30b-serve", put("3", *LIMITS, GPU), "3 GPUs a pod on nodes of 4"),
    ("gpu.efa-count", "prod", "deepseek-r1-serve", put("16", *LIMITS, EFA), "16 EFA interfaces for a group of several"),
    ("gpu.efa-interfaces", "dev", "g6-template", put([], "networkInterfaces"), "0 EFA interfaces; g6.12xlarge of pool"),
    ("pods.privileged", "dev", "qwen3-8b-serve", put(True, *CONTEXT, "privileged"), "root on its node"),
    ("pods.privileged", "prod", "deepseek-r1-serve", drop(*CONTEXT, "allowPrivilegeEscalation"), "not false"),
    ("pods.host", "dev", "qwen3-8b-serve", put(True, *WORKER, "hostNetwork"), "hostNetwork: shares its node's"),
    ("pods.host", "dev", "qwen3-8b-serve", put(True, *WORKER, "hostPID"), "hostPID"),
    (
        "pods.capabilities",
        "dev",
        "qwen3-8b-serve",
        put(["SYS_ADMIN"], *CONTEXT, "capabilities", "add"),
        "adds SYS_ADMIN, which nothing here needs",
    ),
    (
        "pods.capabilities",
        "prod",
        "qwen3-30b-serve",
        put(["IPC_LOCK"], *CONTEXT, "capabilities", "add"),
        "IPC_LOCK, which is for vpc.amazonaws.com/efa, not asked for",
    ),
    ("pods.capabilities", "dev", "qwen3-8b-serve", drop(*CONTEXT, "capabilities", "drop"), "keeps the runtime's"),
    (
        "pods.host-path",
        "dev",
        "qwen3-8b-serve",
        put("/var/run", *WORKER, "volumes", 1, "hostPath", "path"),
        "/var/run is a folder of the node's own",
    ),
    (
        "pods.host-path",
        "dev",
        "efa-exporter-daemon-set",
        put("/sys", *POD_SPEC, "volumes", 1, "hostPath", "path"),
        "/sys is a folder of the node's own",
    ),
    (
        "pods.host-path",
        "dev",
        "efa-exporter-daemon-set",
        put(False, *POD_SPEC, "containers", 0, "volumeMounts", 1, "readOnly"),
        "/sys/class is a folder of the node's own and can be written",
    ),
    ("pods.namespace-level", "dev", "lws-namespace", put("privileged", *ENFORCE), "lws-system allows privileged pods"),
    ("pods.namespace-level", "dev", "lws-namespace", drop(*ENFORCE), "lws-system lets every pod in"),
    (
        "iam.wildcard",
        "dev",
        "lustre-csi-controller-policy",
        put(statement("fsx:*"), "policy"),
        "allows every action of fsx",
    ),
    (
        "iam.wildcard",
        "prod",
        "load-balancer-identity-policy",
        put(
            json.dumps(
                {"Statement": [*load_balancer.statements(), *json.loads(statement("ec2:CreateVpc"))["Statement"]]}
            ),
            "policy",
        ),
        "statement 16: allows ec2:CreateVpc on every resource without a condition",
    ),
    ("iam.wildcard", "dev", "g6-role", put([{"policy": statement("*")}], "inlinePolicies"), "allows every action"),
    (
        "iam.managed",
        "dev",
        "g6-AmazonEKSWorkerNodePolicy",
        put("arn:aws:iam::aws:policy/AdministratorAccess", "policyArn"),
        "AdministratorAccess knows no bounds",
    ),
    (
        "iam.trust",
        "dev",
        "g6-role",
        put(json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}}}), "assumeRolePolicy"),
        "allows everybody",
    ),
    ("exposure.endpoint", "prod", "cluster", put(True, "endpointPublicAccess"), "public and no network is named"),
    ("exposure.endpoint", "prod", "cluster", drop("endpointPublicAccess"), "public and no network is named"),
    (
        "exposure.ingress",
        "dev",
        "cluster-api-from-nodes",
        put("0.0.0.0/0", "cidrIpv4"),
        "0.0.0.0/0 is the whole internet",
    ),
    (
        "exposure.ingress",
        "dev",
        "network-default-security-group",
        put([{"protocol": "-1", "ipv6CidrBlocks": ["::/0"]}], "ingress"),
        "ingress[0].ipv6CidrBlocks: ::/0",
    ),
    ("exposure.load-balancer", "dev", "qwen3-8b-service", put("LoadBalancer", "spec", "type"), "the whole internet"),
    (
        "exposure.everybody",
        "dev",
        "qwen3-8b-service",
        lambda props: props["spec"].update(type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0/8", "0.0.0.0/0"]),
        "0.0.0.0/0 is the whole internet",
    ),
    ("exposure.bucket", "prod", "hyperpod-lifecycle-private", drop("blockPublicPolicy"), "blockPublicPolicy"),
    ("exposure.metadata", "dev", "g6-template", put("optional", "metadataOptions", "httpTokens"), "IMDSv1 answers"),
    ("exposure.metadata", "dev", "g6-template", put(2, "metadataOptions", "httpPutResponseHopLimit"), "pods are"),
    (
        "encryption.node-disks",
        "dev",
        "system-pool-template",
        put("false", "blockDeviceMappings", 0, "ebs", "encrypted"),
        "/dev/xvda is not encrypted",
    ),
    ("encryption.node-disks", "dev", "g6-template", drop("blockDeviceMappings"), "not encrypted"),
    ("encryption.secrets", "prod", "cluster", drop("encryptionConfigKeyArn"), "secrets are not encrypted"),
    ("encryption.bucket", "prod", "hyperpod-lifecycle-encryption", put([], "rules"), "no encryption is configured"),
    ("encryption.storage-class", "dev", "addons-gp3", drop("parameters", "encrypted"), "the account's default"),
    ("encryption.file-system", "dev", "weights-file-system", put("SCRATCH_2", "deploymentType"), "its key is FSx's"),
    ("images.exact", "dev", "qwen3-8b-serve", put("lmsysorg/sglang:latest", *IMAGE), "another image tomorrow"),
    ("images.chart", "dev", "keda-release", drop("version"), "none is no exact version"),
    ("images.chart", "dev", "keda-release", put(">=2.0.0", "version"), ">=2.0.0 is no exact version"),
    ("images.chart", "prod", "hyperpod-dependencies-release", put("../chart", "chart"), "nobody verified"),
    (
        "images.chart-values",
        "dev",
        "lws-release",
        put("main", "values", "image", "manager", "tag"),
        "values.image.manager.tag: main can be another",
    ),
    ("tags.stack", "prod", "network-vpc", drop("tags", "sglang-hyperpod"), "the tag sglang-hyperpod is missing"),
    ("tags.stack", "prod", "hyperpod-cluster", put([], "tags"), "the tag sglang-hyperpod is missing"),
    (
        "queries.metric",
        "prod",
        "alerts-load",
        put("sum(sglang:num_queue_requests)", "spec", "groups", 0, "rules", 0, "expr"),
        "asks for sglang:num_queue_requests, which SGLang 0.5.17 does not export",
    ),
    (
        "queries.metric",
        "dev",
        "alerts-storage",
        put("sglang:engine_load_weights_time > 9", "spec", "groups", 0, "rules", 0, "expr"),
        "asks for sglang:engine_load_weights_time, which SGLang 0.5.17 does not export",
    ),
    (
        "queries.metric",
        "dev",
        "monitoring-sglang-model",
        put("sglang:nothing", "data", "x.json"),
        "asks for sglang:nothing",
    ),
    ("tags.nodes", "dev", "g6-template", put([], "tagSpecifications"), "each instance is made without the tag"),
]
"""Check, stack, resource, what is broken, and what the message says."""

OPTIONS = ["protection.stateful", "images.digest"]
"""Checks that are about options or the stack's protection, tested below."""


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("preview", [True, False], ids=["preview", "known"])
def test_the_shipped_stacks_have_no_mandatory_violation(stack: str, preview: bool) -> None:
    seen = map(Resource.of, recording(stack, preview=preview).resources)
    found = run(seen, protect=settings(stack).protect)
    assert [str(v.problem()) for v in found if v.check.level is Level.MANDATORY] == []


@pytest.mark.parametrize(("check", "stack", "name", "edit", "message"), BROKEN, ids=[f"{b[0]}-{b[2]}" for b in BROKEN])
def test_a_check_objects_to_what_it_is_about(check: str, stack: str, name: str, edit: Edit, message: str) -> None:
    found = fired(stack, broken(stack, name, edit, "eks:index" if name == "cluster" else ""))
    assert list(found) == [check]
    assert message in found[check]


def test_every_check_has_been_seen_to_object() -> None:
    assert {check.id for check in CHECKS} == {check for check, *_ in BROKEN} | set(OPTIONS)


def test_the_ids_of_the_checks_are_unique_and_name_their_source() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert [check.id for check in CHECKS if not check.source or not check.summary.endswith(".")] == []


@pytest.mark.parametrize("type", sorted(STATEFUL))
@pytest.mark.parametrize("option", ["protect", "retain_on_delete"])
def test_what_holds_state_is_guarded_in_a_protected_stack(type: str, option: str) -> None:
    stack = resources("prod")
    if type not in {one.type for one in stack}:
        stack.append(replace(next(one for one in stack if one.protect), type=type, urn=f"urn::{type}::one", props={}))
    loose = [replace(one, **{option: False}) if one.type == type else one for one in stack]
    assert list(fired("prod", loose)) == ["protection.stateful"]
    assert "protection.stateful" not in {violation.check.id for violation in run(loose, protect=False)}


def test_a_stack_with_one_guarded_resource_is_a_protected_one_where_nobody_says() -> None:
    loose = [replace(one, protect=False) if "fsx" in one.type else one for one in resources("prod")]
    found = [violation.resource.name for violation in run(loose) if violation.check.id == "protection.stateful"]
    assert found == ["weights-file-system"]
    assert [v for v in run(resources("dev")) if v.check.id == "protection.stateful"] == []


def test_the_program_guards_exactly_what_holds_state() -> None:
    guarded = {one.type for one in recording("prod").resources if one.protect and not one.is_provider}
    assert guarded == {one.type for one in recording("prod").resources if one.type in STATEFUL}


IMAGES = (DEFAULT_IMAGES["0.5.17"], str(pins.PYTHON))
"""What production runs of its own, in the order of the program."""


def test_each_image_without_digest_is_told_once_in_production_only() -> None:
    found = [violation for violation in run(resources("prod"), protect=True) if violation.check.id == "images.digest"]
    assert [violation.finding.message for violation in found] == [f"{image} has no digest" for image in IMAGES]
    assert found[0].problem().severity is Severity.ADVICE
    assert [v for v in run(resources("dev"), protect=False) if v.check.id == "images.digest"] == []
    for image, violation in zip(IMAGES, found, strict=True):
        pinned = json.loads(json.dumps(violation.resource.props).replace(image, f"{image}@sha256:{'0' * 64}"))
        assert list(run([replace(violation.resource, props=pinned)], protect=True)) == []


def test_what_a_rule_of_the_settings_has_said_is_not_said_again() -> None:
    said = Problem("models[0].engine.image.digest", "", "", "serving.image-digest", Severity.ADVICE)
    unsaid = {problem.rule for problem in violations_of(recording("prod"), settings("prod"))}
    assert unsaid == {"policy.images.digest"}
    assert violations_of(recording("prod"), settings("prod"), [said]) == ()


def test_a_violation_reads_like_a_problem_of_the_settings() -> None:
    changed = run(broken("dev", "addons-gp3", drop("parameters")), protect=False)
    assert [str(violation.problem()) for violation in changed] == [
        "resources[addons-gp3].parameters.encrypted: volumes are as the account's default has them; "
        'set it to "true" [policy.encryption.storage-class]'
    ]
    assert changed[0].problem().severity is Severity.ERROR


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_an_unknown_in_place_of_any_property_makes_no_check_fail(stack: str) -> None:
    shipped = resources(stack)
    known = {violation.check.id for violation in run(shipped, protect=False)}
    first_of_each_type = {one.type: index for index, one in reversed(list(enumerate(shipped)))}
    for index in first_of_each_type.values():
        one = shipped[index]
        for key in one.props:
            changed = [*shipped]
            changed[index] = replace(one, props={**one.props, key: Unknown("x.y")})
            assert {violation.check.id for violation in run(changed, protect=False)} <= known, (one.name, key)


@pytest.mark.parametrize(
    ("type", "props", "check"),
    [
        ("aws:eks/cluster:Cluster", {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}}, "exposure.endpoint"),
        ("aws:eks/cluster:Cluster", {"vpcConfig": {"endpointPublicAccess": False}}, "encryption.secrets"),
        ("aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]}, "exposure.ingress"),
        (
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]},
            "exposure.ingress",
        ),
        (
            "kubernetes:networking.k8s.io/v1:Ingress",
            {"metadata": {"annotations": {"alb.ingress.kubernetes.io/scheme": "internet-facing"}}},
            "exposure.load-balancer",
        ),
        (
            "kubernetes:networking.k8s.io/v1:Ingress",
            {
                "metadata": {
                    "annotations": {
                        "alb.ingress.kubernetes.io/scheme": "internet-facing",
                        "alb.ingress.kubernetes.io/inbound-cidrs": "10.0.0.0/8, 0.0.0.0/0",
                    }
                }
            },
            "exposure.everybody",
        ),
        ("aws:s3/bucket:Bucket", {"bucket": "loose"}, "encryption.bucket"),
        ("aws:iam/policy:Policy", {"policy": statement("s3:PutObject")}, "iam.wildcard"),
        (
            "kubernetes:apps/v1:DaemonSet",
            {"spec": {"template": {"spec": {"hostIPC": True, "containers": []}}}},
            "pods.host",
        ),
        ("kubernetes:core/v1:Pod", {"spec": {"containers": [{"image": "busybox"}]}}, "images.exact"),
    ],
)
def test_resources_that_the_program_does_not_make_today_are_checked_too(type: str, props: Any, check: str) -> None:
    one = Resource(f"urn:pulumi:test::test::{type}::one", type, "one", props)
    assert check in {violation.check.id for violation in run([one], protect=False)}


@pytest.mark.parametrize("packed", [("4", "1", "gpu.efa-count"), ("8", "0", None), ("4", "0", None)])
def test_pods_that_share_a_node_ask_for_no_efa(packed: tuple[str, str, str | None]) -> None:
    gpus, efa, check = packed

    def edit(props: Any) -> None:
        template = props["spec"]["leaderWorkerTemplate"]
        template["size"] = 1
        del template["leaderTemplate"]
        template["workerTemplate"]["spec"]["containers"][0]["resources"]["limits"] |= {GPU: gpus, EFA: efa}
        template["workerTemplate"]["spec"]["containers"][0]["securityContext"]["capabilities"].pop("add")

    assert list(fired("prod", broken("prod", "deepseek-r1-serve", edit))) == ([check] if check else [])


@pytest.mark.parametrize(
    ("image", "floating"),
    [
        ("busybox", True),
        ("registry:5000/team/engine", True),
        ("registry:5000/team/engine:1.2.3", False),
        ("lmsysorg/sglang:v0.5.17", False),
        ("lmsysorg/sglang:latest", True),
        ("lmsysorg/sglang:latest@sha256:" + "0" * 64, False),
        ("engine:main-20260720", False),
    ],
)
def test_an_image_moves_unless_its_tag_names_one_build(image: str, floating: bool) -> None:
    assert moves(image) is floating
