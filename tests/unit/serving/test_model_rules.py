"""One model: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.rules import Severity
from components.serving.rules import rules
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, R1, found, model, problems
from tests.unit.serving.test_bad_settings import CASES

UPSTREAM = {"repository": "lmsysorg/sglang", "tag": "v0.5.17"}
ENTRY = {"host": "r1.example.com"}
PUBLIC = {**ENTRY, "scheme": "internet-facing"}
TABLED = {case["rule"] for case in CASES}
"""Rules with bad settings in the tables."""

BAD: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    (
        "weights.staging-source",
        R1,
        {"weights": {"source": "s3", "uri": "s3://bucket/r1", "staging": True}},
        "weights.staging",
        "source s3 is streamed into memory: there is no folder to copy to the nodes",
    ),
    (
        "layout.data-nodes",
        R1,
        {"parallelism": {"tensor": 8, "data": 2}},
        "parallelism.data",
        "data 2 without dpAttention cannot cross the group's 2 nodes",
    ),
    (
        "layout.dp-attention",
        R1,
        {"parallelism": {"tensor": 16, "dpAttention": True}},
        "parallelism.dpAttention",
        "dpAttention with data 1 is silently off",
    ),
    (
        "layout.stages",
        R1,
        {"parallelism": {"tensor": 8, "pipeline": 3}},
        "parallelism.pipeline",
        "3 pipeline stages and 2 nodes do not divide each other",
    ),
    (
        "layout.divisible",
        QWEN_30B,
        {"parallelism": {"tensor": 3}},
        "parallelism",
        "32 attention heads do not divide over 3 attention ranks; "
        "4 KV heads neither divide over nor repeat evenly on 3 attention ranks",
    ),
    (
        "layout.all-to-all",
        R1,
        {"arguments": {"moe-a2a-backend": "deepep"}},
        "parallelism.expert",
        "moe-a2a-backend deepep makes expert parallelism 16, not 1",
    ),
    (
        "layout.pipeline-features",
        QWEN_8B,
        {
            "parallelism": {"pipeline": 2},
            "arguments": {"enable-mixed-chunk": True},
            "engine": {"version": "0.5.8"},
        },
        "arguments.enable-mixed-chunk",
        "--enable-mixed-chunk does not work with pipeline 2",
    ),
    (
        "layout.expert-balance",
        R1,
        {"arguments": {"enable-eplb": True}},
        "arguments.enable-eplb",
        "enable-eplb has nothing to balance with expert 1",
    ),
    (
        "layout.dp-head",
        R1,
        {"arguments": {"enable-dp-lm-head": True}},
        "arguments.enable-dp-lm-head",
        "enable-dp-lm-head needs data-parallel attention",
    ),
    ("layout.packing-nodes", R1, {"packing": {"gpusPerPod": 4}}, "packing", "a group of 2 nodes takes whole nodes"),
    (
        "layout.kv-copies",
        QWEN_30B,
        {"parallelism": {"tensor": 8}},
        "parallelism.tensor",
        "tensor 8 stores each of 4 KV heads 2 times",
    ),
    (
        "layout.context",
        QWEN_8B,
        {"contextLength": 65536},
        "contextLength",
        "65536 tokens are more than Qwen/Qwen3-8B was made for (40960)",
    ),
    (
        "engine.model",
        R1,
        {"model": "deepseek-ai/DeepSeek-R7"},
        "model",
        "deepseek-ai/DeepSeek-R7 is not among the models known here",
    ),
    (
        "engine.model",
        R1,
        {"model": "me/mine", "configuration": {"hidden_size": 1024}},
        "configuration",
        "me/mine: config.json has no num_hidden_layers, num_attention_heads, vocab_size, intermediate_size",
    ),
    (
        "engine.version",
        R1,
        {"engine": {"version": "0.5.16"}},
        "engine.version",
        "the flags of SGLang 0.5.16 are not known here",
    ),
    (
        "engine.image",
        R1,
        {"engine": {"version": "0.5.23"}},
        "engine.image",
        "no image is known for SGLang 0.5.23",
    ),
    (
        "engine.image-floating",
        R1,
        {"engine": {"image": {**UPSTREAM, "tag": "latest"}}},
        "engine.image.tag",
        "lmsysorg/sglang:latest names no one release",
    ),
    (
        "engine.image-sagemaker",
        R1,
        {"engine": {"image": {"tag": "0.5.17-gpu-py312-cu130-ubuntu24.04-sagemaker"}}},
        "engine.image.tag",
        "public.ecr.aws/deep-learning-containers/sglang:0.5.17-gpu-py312-cu130-ubuntu24.04-sagemaker is made for "
        "SageMaker endpoints (port 8080, SM_SGLANG_* variables)",
    ),
    (
        "engine.image-release",
        R1,
        {"engine": {"image": {**UPSTREAM, "tag": "v0.5.8"}}},
        "engine.image.tag",
        "the image carries SGLang 0.5.8, the flags are checked for 0.5.17",
    ),
    (
        "engine.argument-owned",
        R1,
        {"arguments": {"tp-size": 8}},
        "arguments.tp-size",
        "--tp-size is decided by parallelism.tensor",
    ),
    (
        "engine.argument",
        R1,
        {"arguments": {"metrics-port": 9090}},
        "arguments.metrics-port",
        "SGLang 0.5.17 has no flag --metrics-port",
    ),
    (
        "engine.argument",
        R1,
        {"arguments": {"schedule-policy": "sjf"}},
        "arguments.schedule-policy",
        "'sjf' is not a choice of --schedule-policy",
    ),
    (
        "engine.argument",
        R1,
        {"arguments": {"disable-radix-cache": "false"}},
        "arguments.disable-radix-cache",
        "--disable-radix-cache is a switch and takes no value, not 'false'",
    ),
    (
        "engine.argument",
        R1,
        {"arguments": {"max-running-requests": "many"}},
        "arguments.max-running-requests",
        "--max-running-requests takes a whole number, not 'many'",
    ),
    (
        "engine.argument",
        R1,
        {"arguments": {"chunked-prefill-size": True}},
        "arguments.chunked-prefill-size",
        "--chunked-prefill-size takes a value, not true",
    ),
    (
        "engine.argument-deprecated",
        R1,
        {"arguments": {"cuda-graph-bs": [1, 2]}},
        "arguments.cuda-graph-bs",
        "--cuda-graph-bs is deprecated in 0.5.17",
    ),
    (
        "engine.argument-infiniband",
        R1,
        {"arguments": {"disaggregation-ib-device": "mlx5_0"}},
        "arguments.disaggregation-ib-device",
        "--disaggregation-ib-device names InfiniBand devices; AWS has none",
    ),
    (
        "engine.argument-cache",
        R1,
        {"arguments": {"enable-hierarchical-cache": True, "disable-radix-cache": True}},
        "arguments.enable-hierarchical-cache",
        "enable-hierarchical-cache and disable-radix-cache exclude each other",
    ),
    (
        "engine.argument-tokenizers",
        R1,
        {"apiKeySecret": "key", "arguments": {"tokenizer-worker-num": 4}},
        "arguments.tokenizer-worker-num",
        "with 4 tokenizer workers the engine does not check its API key",
    ),
    (
        "engine.choice",
        R1,
        {"parsers": {"tool": "deepseek"}},
        "parsers.tool",
        "deepseek is no --tool-call-parser of SGLang 0.5.17",
    ),
    ("engine.unsized", R1, {"kvCacheDtype": "nvfp4"}, "kvCacheDtype", "the size of nvfp4 is not known"),
    (
        "engine.environment",
        R1,
        {"environment": {"NCCL_IB_HCA": "mlx5"}},
        "environment.NCCL_IB_HCA",
        "NCCL_IB_HCA is read by InfiniBand transports only, and EFA is none",
    ),
    (
        "engine.environment",
        R1,
        {"environment": {"NCCL_NET_PLUGIN": "none"}},
        "environment.NCCL_NET_PLUGIN",
        "NCCL_NET_PLUGIN is none, which turns the OFI plugin off, so that NCCL runs over TCP",
    ),
    (
        "engine.environment",
        R1,
        {"environment": {"NCCL_SOCKET_IFNAME": "eth0"}},
        "environment.NCCL_SOCKET_IFNAME",
        "NCCL_SOCKET_IFNAME is eth0, which hides the node's other interfaces from NCCL",
    ),
    (
        "engine.environment",
        R1,
        {"environment": {"HF_TOKEN": "hf_x"}},
        "environment.HF_TOKEN",
        "HF_TOKEN would be readable in the pod and in the state",
    ),
    (
        "engine.environment-cost",
        R1,
        {"environment": {"NCCL_PROTO": "simple"}},
        "environment.NCCL_PROTO",
        "NCCL_PROTO overrules the OFI plugin's tuner",
    ),
    ("engine.served-name", R1, {"servedName": "r1:latest"}, "servedName", "r1:latest has a colon"),
    (
        "engine.remote-code",
        R1,
        {"trustRemoteCode": True, "weights": {"revision": "main"}},
        "weights.revision",
        "trustRemoteCode runs whatever deepseek-ai/DeepSeek-R1 holds at main",
    ),
    (
        "pods.probe-timeout",
        R1,
        {"probes": {"timeoutSeconds": 5}},
        "probes.timeoutSeconds",
        "5 s is less than /health may take under load (20 s and more)",
    ),
    (
        "pods.grace-period",
        R1,
        {"gracePeriodSeconds": 60},
        "gracePeriodSeconds",
        "every update cuts generations that run longer than 60 s",
    ),
    (
        "pods.lost-node",
        R1,
        {"tolerationSeconds": 300},
        "tolerationSeconds",
        "a lost node stops its group for 300 s before anything is done",
    ),
    (
        "group.rollout-stuck",
        R1,
        {"rollout": {"maxUnavailable": 0}},
        "rollout",
        "maxUnavailable and maxSurge are both 0, so that no group can change",
    ),
    (
        "group.rollout-outage",
        R1,
        {"rollout": {"maxUnavailable": 2}},
        "rollout.maxUnavailable",
        "all 2 groups may be missing at once",
    ),
    (
        "group.rollout-gate",
        R1,
        {"replicas": 4, "rollout": {"maxUnavailable": 2}},
        "rollout.maxUnavailable",
        "2 works as 1: the feature gate MaxUnavailableStatefulSet is off on EKS",
    ),
    (
        "group.undrainable",
        R1,
        {"disruptionBudget": {"maxUnavailable": 0}},
        "disruptionBudget.maxUnavailable",
        "0 makes the model's nodes undrainable: updates and repairs of nodes stop there",
    ),
    (
        "group.evicted-together",
        R1,
        {"disruptionBudget": {"maxUnavailable": 2}},
        "disruptionBudget.maxUnavailable",
        "drains may take all 2 groups at once",
    ),
    (
        "group.single",
        R1,
        {"replicas": 1},
        "replicas",
        "one group: a new image or a lost node is an outage",
    ),
    ("weights.place", R1, {"weights": {"source": "s3"}}, "weights.uri", "source s3 needs uri"),
    (
        "weights.place",
        R1,
        {"weights": {"path": "/r1"}},
        "weights.path",
        "source huggingFace reads no path",
    ),
    (
        "weights.hub-only",
        R1,
        {"weights": {"source": "fsx", "path": "/r1", "tokenSecret": "hub"}},
        "weights.tokenSecret",
        "source fsx uses no tokenSecret",
    ),
    (
        "weights.revision",
        R1,
        {},
        "weights.revision",
        "deepseek-ai/DeepSeek-R1 is fetched at its newest commit, which may change",
    ),
    (
        "weights.s3-release",
        R1,
        {"engine": {"version": "0.5.8"}, "weights": {"source": "s3", "uri": "s3://weights/r1"}},
        "weights.source",
        "SGLang 0.5.8 cannot stream weights from S3",
    ),
    (
        "weights.s3-image",
        R1,
        {"weights": {"source": "s3", "uri": "s3://weights/r1"}},
        "engine.image",
        "public.ecr.aws/deep-learning-containers/sglang:0.5.17-gpu-py312-cu130-ubuntu24.04-ec2 is not known to carry "
        "runai-model-streamer[s3]",
    ),
    (
        "entry.public-tls",
        R1,
        {"entry": PUBLIC},
        "entry.certificateArn",
        "an internet-facing entry without a certificate speaks plain HTTP",
    ),
    (
        "entry.public-key",
        R1,
        {"entry": PUBLIC},
        "apiKeySecret",
        "an internet-facing engine without a key serves anybody",
    ),
    (
        "entry.public-cidrs",
        R1,
        {"entry": PUBLIC},
        "entry.inboundCidrs",
        "an internet-facing entry admits nobody but the VPC",
    ),
    (
        "entry.everybody",
        R1,
        {"entry": {**ENTRY, "inboundCidrs": ["0.0.0.0/0"]}},
        "entry.inboundCidrs[0]",
        "0.0.0.0/0 lets every address connect to an engine",
    ),
    (
        "entry.key-in-clear",
        R1,
        {"entry": ENTRY, "apiKeySecret": "key"},
        "entry.certificateArn",
        "clients send their key over plain HTTP",
    ),
    (
        "entry.path",
        R1,
        {"entry": {"path": "/v1"}},
        "entry.path",
        "/v1 is where the API itself begins",
    ),
    (
        "entry.traffic-sum",
        R1,
        {"entry": {"traffic": {"r1": 90, "r1-next": 5}}},
        "entry.traffic",
        "the shares add up to 95",
    ),
    (
        "entry.traffic-sum",
        R1,
        {"entry": {"traffic": {"r1-next": 100}}},
        "entry.traffic",
        "r1 itself has no share",
    ),
    (
        "entry.cidr",
        R1,
        {"entry": {**ENTRY, "inboundCidrs": ["10.0.0.1/16"]}},
        "entry.inboundCidrs[0]",
        "10.0.0.1/16 is no network (10.0.0.1/16 has host bits set)",
    ),
]


@pytest.mark.parametrize(("rule", "base", "changes", "path", "message"), BAD)
def test_a_bad_setting_is_named_with_its_path(
    rule: str, base: dict[str, Any], changes: dict[str, Any], path: str, message: str
) -> None:
    assert (path, message) in found(rules, rule, model(base, **changes))


def test_the_model_of_the_tests_breaks_no_rule_but_advice() -> None:
    assert [problem for problem in problems(rules, model()) if problem.severity is not Severity.ADVICE] == []


ELSEWHERE = {"router", "autoscaling", "disaggregation", "objectives"}
"""Themes whose rules have a table of their own."""


def test_every_rule_has_a_bad_setting() -> None:
    elsewhere = {"engine.cve", "engine.architecture", "engine.needs-remote-code", "weights.gated"}
    here = {rule.id for rule in rules.rules if rule.id.partition(".")[0] not in ELSEWHERE}
    assert here - elsewhere == {rule for rule, *_ in BAD} | (TABLED & here)


def test_a_release_with_holes_is_warned_of() -> None:
    settings = model(engine={"version": "0.5.8"})
    messages = [message for _, message in found(rules, "engine.cve", settings)]
    assert [message.split(":")[0] for message in messages] == [
        "SGLang 0.5.8 has CVE-2026-3059 (9.8)",
        "SGLang 0.5.8 has CVE-2026-3060 (9.8)",
        "SGLang 0.5.8 has CVE-2026-5760 (9.8)",
    ]


def test_a_model_newer_than_the_release_is_refused() -> None:
    settings = model(model="zai-org/GLM-5-FP8", engine={"version": "0.5.8"})
    assert found(rules, "engine.architecture", settings) == [
        ("engine.version", "SGLang 0.5.8 does not know GlmMoeDsaForCausalLM of zai-org/GLM-5-FP8")
    ]


def test_a_model_with_code_of_its_own_needs_leave() -> None:
    settings = model(model="moonshotai/Kimi-K2-Instruct")
    assert found(rules, "engine.needs-remote-code", settings) == [
        ("trustRemoteCode", "moonshotai/Kimi-K2-Instruct does not load without its own code")
    ]


def test_a_gated_model_needs_a_token() -> None:
    settings = model(QWEN_8B, model="meta-llama/Llama-3.1-8B-Instruct")
    assert found(rules, "weights.gated", settings) == [
        ("weights.tokenSecret", "meta-llama/Llama-3.1-8B-Instruct is gated: the hub wants a token")
    ]


def test_one_fault_never_hides_another() -> None:
    settings = model(probes={"timeoutSeconds": 5}, arguments={"tp-size": 8, "metrics-port": 1}, servedName="a:b")
    broken = {problem.rule for problem in problems(rules, settings)}
    assert broken >= {"pods.probe-timeout", "engine.argument-owned", "engine.argument", "engine.served-name"}


def test_a_misspelt_flag_is_answered_with_the_right_one() -> None:
    (problem,) = [
        problem
        for problem in problems(rules, model(arguments={"chunked-prefil-size": 4096}))
        if problem.rule == "engine.argument"
    ]
    assert "--chunked-prefill-size" in problem.fix


def test_a_name_that_no_pod_could_bear_is_refused() -> None:
    with pytest.raises(ValidationError, match="at most 48"):
        model(name="l" * 49)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="gpus"):
        model(gpus=8)
