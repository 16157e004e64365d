"""What a model comes to: ranks, resources, names and times."""

from __future__ import annotations

import pytest

from components.kube import quantities
from components.serving.engine.command import command
from components.serving.planning import parser, plan_model
from components.serving.weights.plan import folder, load_minutes
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, R1, plan, pool_plan


def test_r1_fills_two_nodes_with_one_group() -> None:
    model = plan(R1)
    assert (model.nodes_per_group, model.gpus_per_pod, model.efa_per_pod, model.ranks) == (2, 8, 32, 16)
    assert (model.replicas, model.nodes, model.gpus) == (2, 4, 32)


def test_a_group_on_one_node_takes_no_efa_interface() -> None:
    model = plan(QWEN_30B, instance_type="g6e.12xlarge")
    assert model.efa_per_pod == 0
    assert "vpc.amazonaws.com/efa" not in model.front.resources.limits
    assert "hugepages-2Mi" not in model.front.resources.limits
    assert model.front.capabilities == ()


def test_packed_pods_share_their_node_evenly() -> None:
    group = plan(QWEN_30B, packing={"gpusPerPod": 4}, replicas=3).front
    assert (group.pods_per_node, group.nodes, group.gpus_per_pod) == (2, 2, 4)
    assert group.resources.requests["memory"] == "819Gi"
    assert group.resources.requests["cpu"] == "72"


@pytest.mark.parametrize("instance_type", ["p5.48xlarge", "p6-b300.48xlarge", "g6.12xlarge", "g5.xlarge"])
def test_quantities_are_written_as_kubernetes_writes_them_back(instance_type: str) -> None:
    resources = plan(QWEN_8B, instance_type=instance_type).front.resources
    assert quantities(resources.requests) == resources.requests
    assert quantities(resources.limits) == resources.limits


def test_a_pod_leaves_a_fifth_of_the_memory_to_its_node() -> None:
    assert plan(R1).front.resources.memory_gib == 1638


def test_fewer_threads_are_fewer_cpus() -> None:
    assert pool_plan("p5.48xlarge").vcpus_per_node == 192
    assert plan(R1).front.resources.requests["cpu"] == "144"


def test_shared_memory_is_eight_gib_a_gpu_but_a_quarter_of_the_pod_at_most() -> None:
    assert plan(R1).front.resources.shared_memory_gib == 64
    assert plan(QWEN_8B, instance_type="g5.xlarge").front.resources.shared_memory_gib == 3


def test_what_several_nodes_need_to_find_each_other_is_set() -> None:
    variables = plan(R1).front.environment
    assert variables["NCCL_SOCKET_IFNAME"] == "^lo,docker,veth"
    assert variables["GLOO_SOCKET_IFNAME"] == "eth0"
    assert variables["FI_PROVIDER"] == "efa"


def test_the_engine_asks_no_hub_for_weights_on_the_file_system() -> None:
    model = plan(R1)
    assert model.weights.model_path == "/models/huggingface/deepseek-ai/DeepSeek-R1/main"
    assert model.front.environment["HF_HUB_OFFLINE"] == "1"
    assert "--revision" not in model.front.arguments


def test_without_a_file_system_the_engine_fetches_to_the_nodes_nvme() -> None:
    model = plan(QWEN_8B, file_system=False, weights={"revision": "abc"})
    assert model.weights.model_path == "Qwen/Qwen3-8B"
    assert model.front.environment["HF_HOME"] == "/root/.cache/huggingface"
    assert "HF_HUB_OFFLINE" not in model.front.environment
    assert model.front.arguments[model.front.arguments.index("--revision") + 1] == "abc"


def test_weights_in_a_bucket_are_streamed() -> None:
    model = plan(QWEN_8B, weights={"source": "s3", "uri": "s3://weights/qwen/8b"})
    assert model.front.arguments[model.front.arguments.index("--load-format") + 1] == "runai_streamer"
    assert (model.weights.bucket, model.weights.prefix) == ("weights", "qwen/8b")
    assert model.service_account == "qwen"


def test_weights_already_on_the_file_system_are_read_where_they_are() -> None:
    model = plan(QWEN_8B, weights={"source": "fsx", "path": "/checkpoints/qwen"})
    assert model.weights.model_path == "/models/checkpoints/qwen"


def test_each_revision_has_a_folder_of_its_own() -> None:
    assert folder("a/b", "refs/pr/1") == "huggingface/a/b/refs--pr--1"


def test_load_time_is_bytes_times_nodes_by_throughput() -> None:
    assert load_minutes(689e9 / 2**30, 2, 1200 / 1024 * 250) == pytest.approx(78, abs=1)
    assert load_minutes(689e9 / 2**30, 2, 4800 / 1024 * 1000) == pytest.approx(5, abs=0.2)


def test_the_startup_probe_outlasts_loading() -> None:
    model = plan(R1)
    assert model.load_minutes == pytest.approx(9.9, abs=0.1)
    assert model.front.probes.startup_minutes == 54


def test_the_startup_probe_follows_from_the_checkpoint_alone() -> None:
    alone = plan(R1)
    crowded = plan_model(alone.settings, {"gpu": alone.pool}, file_system_mb_per_s=9000, other_readers_gib=5000)
    assert alone.front.probes.startup_minutes == crowded.front.probes.startup_minutes


def test_the_stack_waits_longer_than_the_probes() -> None:
    group = plan(R1).front
    assert group.ready_minutes > group.probes.startup_minutes
    assert group.rollout_minutes >= group.replicas * (group.ready_minutes + group.grace_period_seconds / 60)


def test_the_first_start_on_hyperpod_waits_for_nodes_that_are_not_there_yet() -> None:
    on_eks, on_hyperpod = plan(R1).front, plan(R1, instance_type="ml.p5.48xlarge", substrate="hyperpod").front
    assert on_eks.first_minutes == on_eks.ready_minutes
    assert on_hyperpod.first_minutes == on_hyperpod.ready_minutes + 90


def test_the_models_own_parsers_are_the_default() -> None:
    line = plan(R1).front.arguments
    assert line[line.index("--tool-call-parser") + 1] == "deepseekv3"
    assert parser(None, "qwen") == "qwen"
    assert parser("none", "qwen") is None
    assert parser("llama3", "qwen") == "llama3"


def test_a_model_by_its_own_configuration_is_planned() -> None:
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "hidden_size": 4096,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "intermediate_size": 12288,
        "max_position_embeddings": 40960,
        "torch_dtype": "bfloat16",
    }
    own = plan(QWEN_8B, instance_type="g6e.xlarge", model="me/mine", configuration=config)
    assert own.sizing.kv_tokens == plan(QWEN_8B, instance_type="g6e.xlarge").sizing.kv_tokens


def test_the_endpoint_is_the_service_of_the_leaders() -> None:
    model = plan(
        R1, entry={"host": "r1.example.com", "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}
    )
    assert model.endpoint == "http://r1-api.inference.svc.cluster.local:30000/v1"
    assert model.public_endpoint == "https://r1.example.com/v1"


def test_a_pool_without_gpus_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="node pool gpu has no GPUs"):
        plan(QWEN_8B, instance_type="m7i.2xlarge")


def test_only_groups_of_several_nodes_wait_for_their_leaders_name() -> None:
    assert "getent hosts" in command(several_nodes=True, efa=True)[2]
    assert "getent hosts" not in command(several_nodes=False, efa=False)[2]


def test_the_engine_replaces_the_shell_so_that_it_gets_the_signal() -> None:
    assert command(several_nodes=True, efa=True)[2].splitlines()[-1] == 'exec python3 -m sglang.launch_server "$@"'
