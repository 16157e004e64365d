"""Models and their nodes, file system and load balancer: a bad setting, the path, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.rules import Severity
from infra.rules import advice, entry, packing, serving, versions, weights
from infra.settings.prices import PriceTable
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, found, model, pool, problems, stack

SERVER_CUDA = {"repository": "public.ecr.aws/deep-learning-containers/sglang", "tag": "server-cuda-v1.3.0"}
UPSTREAM = {"repository": "lmsysorg/sglang", "tag": "v0.5.17"}


def test_the_stack_of_the_tests_breaks_no_rule_but_advice() -> None:
    for module in (serving, packing, weights, entry, versions, advice):
        assert [each for each in problems(module.rules, stack()) if each.severity is not Severity.ADVICE] == []


def test_a_model_needs_a_pool_that_exists() -> None:
    settings = stack(model(nodePool="h100"))
    assert found(serving.rules, "serving.pool", settings) == [("models[0].nodePool", "there is no node pool h100")]


def test_a_model_is_not_called_like_the_service_of_another() -> None:
    settings = stack(model(replicas=1), model(QWEN_8B, name="r1-api"))
    assert found(serving.rules, "serving.names", settings) == [
        ("models[1].name", "r1-api is also the Service of model r1")
    ]


def test_packing_divides_the_gpus_of_a_node() -> None:
    settings = stack(model(QWEN_8B, packing={"gpusPerPod": 3}, parallelism={"tensor": 3}))
    assert found(serving.rules, "serving.packing", settings) == [
        ("models[0].packing.gpusPerPod", "3 does not divide the 8 GPUs of p5.48xlarge")
    ]


def test_ranks_are_the_gpus_of_the_group() -> None:
    settings = stack(model(parallelism={"tensor": 8}))
    assert found(serving.rules, "serving.ranks", settings) == [
        (
            "models[0].parallelism",
            "tensor 8 x pipeline 1 is 8 ranks for 16 GPUs (2 x 8 of p5.48xlarge)",
        )
    ]


def test_plain_data_ranks_count_and_those_of_attention_do_not() -> None:
    plain = stack(model(QWEN_30B, parallelism={"tensor": 4, "data": 2}))
    attention = stack(model(parallelism={"tensor": 16, "data": 16, "dpAttention": True}))
    assert found(serving.rules, "serving.ranks", plain) == []
    assert found(serving.rules, "serving.ranks", attention) == []


def test_the_fix_for_too_few_ranks_on_one_node_is_packing() -> None:
    settings = stack(model(QWEN_30B, parallelism={"tensor": 2}))
    (problem,) = [each for each in problems(serving.rules, settings) if each.rule == "serving.ranks"]
    assert problem.fix == "set packing: {gpusPerPod: 2} to share the node, or tensor: 8"


def test_a_model_on_less_than_half_of_its_node_says_so() -> None:
    settings = stack(model(QWEN_8B, parallelism={"tensor": 8}))
    assert found(serving.rules, "serving.half-empty", settings) == [
        ("models[0].packing", "Qwen/Qwen3-8B fits on 1 of the 8 GPUs of p5.48xlarge")
    ]


def test_a_whole_node_may_be_kept_by_saying_so() -> None:
    settings = stack(model(QWEN_8B, parallelism={"tensor": 8}, packing={"gpusPerPod": 8}))
    assert found(serving.rules, "serving.half-empty", settings) == []


def test_groups_have_their_nodes() -> None:
    settings = stack(model(replicas=3))
    assert found(serving.rules, "serving.nodes", settings) == [
        ("models[0].replicas", "pool gpu has 4 nodes, its models need 6 (r1 6)")
    ]


def test_models_of_one_pool_are_counted_together_and_told_of_once() -> None:
    settings = stack(model(replicas=2), model(QWEN_30B, packing={"gpusPerPod": 4}))
    assert found(serving.rules, "serving.nodes", settings) == [
        ("nodePools[0].nodes", "pool gpu has 4 nodes, its models need 5 (r1 4, qwen-30b 1)")
    ]


def test_packed_pods_of_two_models_share_a_node() -> None:
    four = {"packing": {"gpusPerPod": 4}}
    settings = stack(model(QWEN_30B, **four), model(QWEN_30B, name="other", **four), pools=[pool(nodes=1)])
    assert found(serving.rules, "serving.nodes", settings) == []


def test_a_surge_group_needs_spare_nodes() -> None:
    settings = stack(model(rollout={"maxSurge": 1}))
    assert found(serving.rules, "serving.surge", settings) == [
        ("models[0].rollout.maxSurge", "1 more group needs 2 nodes, and pool gpu has 0 spare")
    ]


def test_a_surge_group_may_use_spare_nodes() -> None:
    settings = stack(model(rollout={"maxSurge": 1}), pools=[pool(nodes=6)])
    assert found(serving.rules, "serving.surge", settings) == []


def test_several_nodes_need_an_image_with_efa() -> None:
    settings = stack(model(engine={"image": UPSTREAM}))
    assert found(serving.rules, "serving.efa-image", settings) == [
        (
            "models[0].engine.image",
            "lmsysorg/sglang:v0.5.17 has no libfabric with EFA and the OFI NCCL plugin, which 2 nodes need",
        )
    ]


def test_an_image_of_ones_own_may_be_declared() -> None:
    own = {"repository": "registry.example.com/sglang", "tag": "v0.5.17", "efaCapable": True}
    assert found(serving.rules, "serving.efa-image", stack(model(engine={"image": own}))) == []


def test_all_to_all_between_nodes_needs_an_image_for_it() -> None:
    settings = stack(model(arguments={"moe-a2a-backend": "deepep"}, parallelism={"tensor": 16, "expert": 16}))
    assert found(serving.rules, "serving.expert-image", settings) == [
        ("models[0].arguments.moe-a2a-backend", "deepep as SGLang ships it does not work between nodes on AWS")
    ]


def test_the_amazon_linux_image_is_not_built_for_every_gpu() -> None:
    settings = stack(model(QWEN_30B, engine={"image": SERVER_CUDA}), pools=[pool("g6e.12xlarge")])
    assert found(serving.rules, "serving.image-gpu", settings) == [
        (
            "models[0].engine.image.tag",
            "public.ecr.aws/deep-learning-containers/sglang:server-cuda-v1.3.0 has sm_100, sm_103, sm_90, "
            "L40S is sm_89",
        )
    ]


def test_production_wants_a_digest() -> None:
    (path, _), *_ = found(serving.rules, "serving.image-digest", stack(protect=True))
    assert path == "models[0].engine.image.digest"
    assert found(serving.rules, "serving.image-digest", stack(protect=False)) == []


def test_nodes_without_efa_talk_over_tcp() -> None:
    settings = stack(model(QWEN_8B, nodesPerGroup=2, parallelism={"pipeline": 2}), pools=[pool("g6e.4xlarge", nodes=2)])
    assert found(serving.rules, "serving.tcp", settings) == [
        ("models[0].nodesPerGroup", "g6e.4xlarge has no EFA: the group's nodes talk over TCP")
    ]


def test_tensor_ranks_cross_nodes_only_with_rdma() -> None:
    across: dict[str, Any] = {"nodesPerGroup": 2, "parallelism": {"tensor": 8}}
    pools = [pool("g6.12xlarge", nodes=2)]
    assert found(serving.rules, "serving.tensor-across-nodes", stack(model(QWEN_8B, **across), pools=pools)) == [
        ("models[0].parallelism", "tensor 8 crosses nodes of g6.12xlarge, which have no RDMA")
    ]
    staged = model(QWEN_8B, nodesPerGroup=2, parallelism={"tensor": 4, "pipeline": 2})
    assert found(serving.rules, "serving.tensor-across-nodes", stack(staged, pools=pools)) == []


def test_a_model_that_does_not_fit_is_refused_with_its_numbers() -> None:
    settings = stack(model(nodesPerGroup=1, parallelism={"tensor": 8}))
    ((path, message),) = found(serving.rules, "serving.fit", settings)
    assert path == "models[0].parallelism"
    assert message.startswith("on H100 (tensor 8, pipeline 1): ")
    assert "GiB of weights per GPU" in message


def test_a_context_that_does_not_fit_is_refused_with_one_that_does() -> None:
    settings = stack(model(QWEN_8B, contextLength=40960), pools=[pool("g5.xlarge", nodes=1)])
    (problem,) = [each for each in problems(serving.rules, settings) if each.rule == "serving.fit"]
    assert problem.path == "models[0].contextLength"
    assert "less than one request of 40960" in problem.message
    assert problem.fix.startswith("set contextLength: ")


def test_shared_memory_leaves_memory_for_the_processes() -> None:
    settings = stack(model(sharedMemoryGiB=1000))
    assert found(serving.rules, "serving.shared-memory", settings) == [
        ("models[0].sharedMemoryGiB", "1000 GiB of shared memory leave 638 of the pod's 1638 GiB")
    ]


def test_huge_pages_are_there_on_efa_nodes_alone() -> None:
    settings = stack(model(QWEN_8B, hugePages=True), pools=[pool("g6e.xlarge")])
    assert found(serving.rules, "serving.huge-pages", settings) == [
        ("models[0].hugePages", "a node of g6e.xlarge reserves 0 GiB of huge pages, 1 pods ask for 5")
    ]
    assert found(serving.rules, "serving.huge-pages", stack(model(hugePages=True))) == []


def test_weights_on_the_file_system_need_one() -> None:
    settings = stack(model(weights={"source": "fsx", "path": "/r1"}), file_system=None)
    assert found(weights.rules, "weights.file-system", settings) == [
        ("models[0].weights.source", "the stack has no file system")
    ]


def test_engines_that_fetch_themselves_are_warned_of() -> None:
    assert found(weights.rules, "weights.fetched-by-engines", stack(file_system=None)) == [
        (
            "models[0].weights.source",
            "each of 4 pod(s) fetches deepseek-ai/DeepSeek-R1 from the hub, on paid GPUs and at each new node",
        )
    ]


def test_engines_never_see_the_token() -> None:
    settings = stack(model(weights={"tokenSecret": "hub"}), file_system=None)
    assert found(weights.rules, "weights.token-in-engines", settings) == [
        ("models[0].weights.tokenSecret", "without a file system the engines would need the token themselves")
    ]


def test_entries_of_one_load_balancer_agree() -> None:
    first = model(replicas=1, entry={"host": "a.example.com"})
    second = model(QWEN_30B, entry={"host": "b.example.com", "idleTimeoutSeconds": 600})
    assert found(entry.rules, "entry.shared", stack(first, second)) == [
        (
            "models[1].entry.idleTimeoutSeconds",
            "600 differs from 3600 of models[0], with which it shares the load balancer",
        )
    ]


def test_hosts_tell_models_apart() -> None:
    settings = stack(model(replicas=1, entry={}), model(QWEN_30B, entry={}))
    assert found(entry.rules, "entry.host", settings) == [
        ("models[1].entry.host", "qwen-30b and r1 both answer every host name")
    ]


def test_paths_tell_models_of_one_host_apart() -> None:
    one, two = {"host": "m.example.com", "path": "/a"}, {"host": "m.example.com", "path": "/b"}
    assert found(entry.rules, "entry.host", stack(model(entry=one), model(QWEN_30B, entry=two))) == []
    assert found(entry.rules, "entry.host", stack(model(entry=one), model(QWEN_30B, entry=one))) == [
        ("models[1].entry.path", "qwen-30b and r1 both answer m.example.com/a")
    ]


def test_one_entry_in_the_clear_is_lost_behind_the_redirect_of_another() -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    settings = stack(model(entry={"host": "a.example.com"}), model(QWEN_30B, entry={"certificateArn": arn}))
    assert found(entry.rules, "entry.tls-mixed", settings) == [
        (
            "models[0].entry.certificateArn",
            "models[1] has a certificate, so the load balancer they share redirects all of port 80 to 443",
        )
    ]


def test_a_load_balancer_has_a_hundred_rules() -> None:
    models = [
        model(QWEN_8B, name=f"qwen-{number}", router={}, entry={"host": f"q{number}.example.com"})
        for number in range(12)
    ]
    assert found(entry.rules, "entry.rules-quota", stack(*models[:11])) == []
    assert found(entry.rules, "entry.rules-quota", stack(*models)) == [
        ("models[11].entry", "12 entries take 108 rules of the one load balancer, whose quota is 100")
    ]


def test_the_certificate_is_of_the_region() -> None:
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    assert found(entry.rules, "entry.certificate-region", stack(model(entry={"certificateArn": arn}))) == [
        ("models[0].entry.certificateArn", f"{arn} is no ACM certificate in us-east-1")
    ]


def test_r1_is_told_of_the_one_node_that_would_hold_it() -> None:
    prices = PriceTable.model_validate({"perHour": {"p5.48xlarge": 55.04, "p5en.48xlarge": 63.296}})
    settings = stack(model(nodePool="p5"), pools=[pool("ml.p5.48xlarge", name="p5")], prices=prices)
    ((path, message),) = found(advice.rules, "serving.instance", settings)
    assert path == "models[0].nodePool"
    assert message.startswith(
        "a group takes 2 x ml.p5.48xlarge ($110.08/h at EC2's list price); "
        "one ml.p5en.48xlarge (8 x H200, $63.296/h at EC2's list price) would hold it with "
    )


def test_a_model_on_the_cheapest_node_that_holds_it_gets_no_advice() -> None:
    prices = PriceTable.model_validate({"perHour": {"p5.48xlarge": 55.04, "g6e.12xlarge": 10.4926}})
    settings = stack(model(QWEN_30B), pools=[pool("g6e.12xlarge")], prices=prices)
    assert found(advice.rules, "serving.instance", settings) == []


def split(shares: dict[str, int], next_version: dict[str, Any] | None = None, **changes: Any) -> Any:
    """R1 with a next version, between which its entry splits the requests."""
    current = model(replicas=1, entry={"traffic": shares}, **changes)
    other: dict[str, Any] = {"name": "r1-next", "servedName": "r1", "replicas": 1, **(next_version or {})}
    return stack(current, model(**other))


def test_a_canary_breaks_no_rule() -> None:
    assert problems(versions.rules, split({"r1": 95, "r1-next": 5})) == []


def test_shares_go_to_models_without_an_entry() -> None:
    assert found(versions.rules, "entry.traffic-names", split({"r1": 95, "r1-nxt": 5})) == [
        ("models[0].entry.traffic.r1-nxt", "there is no model r1-nxt")
    ]
    entered = split({"r1": 95, "r1-next": 5}, {"entry": {"host": "next.example.com"}})
    assert found(versions.rules, "entry.traffic-names", entered) == [
        ("models[0].entry.traffic.r1-next", "r1-next has an entry of its own")
    ]
    both = [model(name=name, entry={"traffic": {name: 90, "next": 10}}) for name in ("a", "b")]
    assert found(versions.rules, "entry.traffic-names", stack(*both, model(name="next"))) == [
        ("models[1].entry.traffic.next", "next gets a share of a's requests already")
    ]


def test_versions_have_routers_or_none() -> None:
    assert found(versions.rules, "entry.traffic-front", split({"r1": 95, "r1-next": 5}, {"router": {}})) == [
        ("models[1].router", "r1-next has routers and r1 has none, but one entry leads to both")
    ]


def test_versions_take_the_same_key() -> None:
    settings = split({"r1": 95, "r1-next": 5}, {"apiKeySecret": "new"}, apiKeySecret="old")
    assert found(versions.rules, "entry.traffic-key", settings) == [
        ("models[1].apiKeySecret", "r1-next asks for new, r1 for old")
    ]


def test_versions_answer_to_one_name() -> None:
    settings = split({"r1": 95, "r1-next": 5}, {"servedName": "r1-v2"})
    assert found(versions.rules, "entry.traffic-name", settings) == [
        ("models[1].servedName", "clients ask for r1, and r1-next answers as r1-v2")
    ]


def test_a_version_can_take_its_share() -> None:
    settings = split({"r1": 50, "r1-next": 50}, {"replicas": 4})
    ((path, message),) = found(versions.rules, "entry.traffic-capacity", settings)
    assert path == "models[0].entry.traffic.r1"
    assert message.endswith("can be")
    assert found(versions.rules, "entry.traffic-capacity", split({"r1": 25, "r1-next": 75}, {"replicas": 4})) == []


def test_every_rule_over_models_has_a_test() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    rules = [rule.id for module in (serving, weights, entry, versions, advice) for rule in module.rules.rules]
    assert [rule for rule in rules if f'"{rule}"' not in text] == []


def shared(**packing: Any) -> Any:
    """Two pods of half a node beside one of a whole node."""
    return stack(
        model(QWEN_30B, parallelism={"tensor": 8}),
        model(QWEN_8B, replicas=2, packing={"gpusPerPod": 4}, parallelism={"tensor": 4}),
        pools=[pool(**packing)],
    )


def test_small_pods_leave_a_node_for_a_large_one_however_they_are_spread() -> None:
    assert found(packing.rules, "serving.fragments", shared(nodes=2)) == [
        (
            "models[0].nodePool",
            "smaller pods may lie on 2 nodes of pool gpu, which then has 0 of the 1 places of 8 GPUs that it needs",
        )
    ]
    assert found(packing.rules, "serving.fragments", shared(nodes=3)) == []
