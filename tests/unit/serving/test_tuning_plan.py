"""Drafts, adapters, caches and tuned files as the pods and the prefetch job get them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.facts.engines import SUPPORTED, engine
from components.serving.engine.places import AS_WRITTEN
from components.serving.engine.variables import misread, replaced, unknown
from components.serving.group.objects import leader_worker_set
from components.serving.plan import ModelPlan
from components.serving.rules import rules
from components.serving.tuning import environment
from components.serving.weights.job import job, prefetches
from tests.unit.serving.builders import QWEN_8B, QWEN_30B, apart, found, model, plan

KERNELS = {
    "triton": "3.5.1",
    "name": "E=128,N=192,device_name=NVIDIA_H100_80GB_HBM3.json",
    "content": {"1": {"BLOCK_SIZE_M": 16, "num_warps": 4}},
}
DRAFT = {"algorithm": "STANDALONE", "draft": {"model": "Qwen/Qwen3-4B", "revision": "abc"}}


def value_of(planned: ModelPlan, flag: str) -> str:
    arguments = planned.front.arguments
    return arguments[arguments.index(flag) + 1]


def companions(planned: ModelPlan) -> list[dict[str, Any]]:
    """What the prefetch job fetches beside the model."""
    spec: Any = job(planned, claim_name="c", config_map="m", token_secret=None)
    environment = spec["template"]["spec"]["containers"][0]["env"]
    return next((json.loads(each["value"]) for each in environment if each["name"] == "COMPANIONS"), [])


def container(planned: ModelPlan) -> Any:
    spec: Any = leader_worker_set(planned.front, service_account="engine", claim_name="weights")
    return spec["leaderWorkerTemplate"]["workerTemplate"]["spec"]


def test_a_draft_of_the_hub_is_fetched_beside_the_model_and_read_from_there() -> None:
    planned = plan(QWEN_8B, speculative=DRAFT)
    folder = "/models/huggingface/Qwen/Qwen3-4B/abc"
    assert value_of(planned, "--speculative-draft-model-path") == folder
    assert "--speculative-draft-model-revision" not in planned.front.arguments
    assert companions(planned) == [{"model": "Qwen/Qwen3-4B", "revision": "abc", "folder": folder}]


def test_without_a_file_system_the_engine_fetches_the_draft_itself() -> None:
    planned = plan(QWEN_8B, speculative=DRAFT, file_system=False)
    assert value_of(planned, "--speculative-draft-model-path") == "Qwen/Qwen3-4B"
    assert value_of(planned, "--speculative-draft-model-revision") == "abc"


def test_a_draft_on_the_file_system_is_read_and_not_fetched() -> None:
    draft = {"path": "/drafts/eagle", "configuration": {}}
    planned = plan(QWEN_8B, speculative={"algorithm": "EAGLE3", "draft": draft})
    assert value_of(planned, "--speculative-draft-model-path") == "/models/drafts/eagle"
    assert companions(planned) == []


def test_adapters_are_loaded_by_name_from_their_places() -> None:
    adapters = [{"name": "sql", "model": "me/sql"}, {"name": "law", "path": "/adapters/law", "pinned": True}]
    planned = plan(QWEN_8B, lora={"maxRank": 32, "adapters": adapters})
    arguments = planned.front.arguments
    at = arguments.index("--lora-paths")
    assert arguments[at + 1] == "sql=/models/huggingface/me/sql/main"
    assert json.loads(arguments[at + 2]) == {"lora_name": "law", "lora_path": "/models/adapters/law", "pinned": True}
    assert "--enable-lora" in arguments
    assert companions(planned) == [{"model": "me/sql", "revision": None, "folder": "/models/huggingface/me/sql/main"}]


def test_models_that_share_a_folder_share_the_job_that_fetches_what_any_of_them_reads() -> None:
    plain, drafting = plan(QWEN_8B), plan(QWEN_8B, name="other", speculative=DRAFT)
    (shared,) = prefetches([plain, drafting])
    assert shared.name == "qwen"
    assert [each["model"] for each in companions(shared)] == ["Qwen/Qwen3-4B"]


def test_the_host_cache_is_switched_on_with_a_size_of_its_own() -> None:
    """Later releases take most of the host's memory where no size is given."""
    for version in ("0.5.8", "0.5.17", "0.5.23"):
        image = {"repository": "registry.example.com/sglang", "tag": f"v{version}"}
        planned = plan(QWEN_8B, hierarchicalCache={}, engine={"version": version, "image": image})
        assert "--enable-hierarchical-cache" in planned.front.arguments
        assert value_of(planned, "--hicache-ratio") == "2.0"


def test_files_of_the_cache_lie_on_the_nodes_disk() -> None:
    cache = {"sizeGB": 300, "storage": {"maxSizeGiB": 100}}
    planned = plan(QWEN_8B, hierarchicalCache=cache)
    assert planned.front.environment["SGLANG_HICACHE_FILE_BACKEND_STORAGE_DIR"] == "/root/.cache/hicache"
    assert planned.front.environment["SGLANG_HICACHE_FILE_BACKEND_MAX_SIZE"] == str(100 * 2**30)
    assert value_of(planned, "--hicache-size") == "300"
    assert "--hicache-ratio" not in planned.front.arguments
    mounts = container(planned)["containers"][0]["volumeMounts"]
    assert {"name": "cache", "mountPath": "/root/.cache"} in mounts


def test_an_engine_is_a_client_of_the_store_under_its_pods_address() -> None:
    storage = {"backend": "mooncake", "mooncake": {"master": "store.example.com:50051", "networks": ["10.9.0.0/24"]}}
    planned = plan(QWEN_8B, hierarchicalCache={"storage": storage})
    assert value_of(planned, "--hicache-storage-backend") == "mooncake"
    assert planned.front.store_networks == ("10.9.0.0/24",)
    variables = container(planned)["containers"][0]["env"]
    assert variables[0] == {
        "name": "POD_IP",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}},
    }
    assert {"name": "MOONCAKE_LOCAL_HOSTNAME", "value": "$(POD_IP)"} in variables
    assert {"name": "MOONCAKE_MASTER", "value": "store.example.com:50051"} in variables
    assert {"name": "MOONCAKE_GLOBAL_SEGMENT_SIZE", "value": "0"} in variables


def test_without_a_store_no_variable_refers_to_the_pods_address() -> None:
    assert not any("valueFrom" in each for each in container(plan(QWEN_8B))["containers"][0]["env"])


def test_tuned_kernels_are_mounted_where_the_engine_looks() -> None:
    planned = plan(QWEN_30B, tunedFiles={"fusedMoe": [KERNELS]})
    tuned = planned.front.tuned_files
    assert tuned is not None
    assert planned.front.environment["SGLANG_MOE_CONFIG_DIR"] == "/opt/tuned"
    pod = container(planned)
    assert {"name": "tuned", "mountPath": "/opt/tuned", "readOnly": True} in pod["containers"][0]["volumeMounts"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "tuned"]
    path = "configs/triton_3_5_1/E=128,N=192,device_name=NVIDIA_H100_80GB_HBM3.json"
    assert volume["configMap"] == {"name": tuned.name, "items": [{"key": "fused-moe-0.json", "path": path}]}
    assert json.loads(tuned.files["fused-moe-0.json"]) == KERNELS["content"]


def test_other_kernels_are_another_config_map_so_that_groups_roll() -> None:
    other = {**KERNELS, "content": {"1": {"BLOCK_SIZE_M": 32}}}
    one, two = (plan(QWEN_30B, tunedFiles={"fusedMoe": [kernels]}).front.tuned_files for kernels in (KERNELS, other))
    assert one is not None
    assert two is not None
    assert one.name != two.name


def test_kernels_and_locations_on_the_file_system_are_read_from_there() -> None:
    tuned = {"fusedMoePath": "/tuned/moe", "expertLocation": "/tuned/where.json"}
    planned = plan(QWEN_30B, tunedFiles=tuned, parallelism={"tensor": 8, "expert": 8})
    assert planned.front.environment["SGLANG_MOE_CONFIG_DIR"] == "/models/tuned/moe"
    assert value_of(planned, "--init-expert-location") == "/models/tuned/where.json"
    assert planned.front.tuned_files is None


def test_deepeps_configuration_is_json() -> None:
    part = {"num_sms": 24, "num_max_nvl_chunked_send_tokens": 16}
    planned = plan(QWEN_30B, tunedFiles={"deepep": {"normal_dispatch": part, "normal_combine": part}})
    assert json.loads(value_of(planned, "--deepep-config")) == {"normal_dispatch": part, "normal_combine": part}


def test_each_phase_has_its_own_tuning_over_the_models() -> None:
    """What a phase says wins over the model's, and its files and drafts are fetched for both phases at once."""
    changed = apart(
        prefill={"scheduling": {"chunkedPrefillSize": 16384}, "tunedFiles": {"fusedMoe": [KERNELS]}},
        decode={"speculative": {"algorithm": "EAGLE", "draft": {"model": "me/head", "configuration": {}}}},
    )
    planned = plan({**changed, "scheduling": {"streamInterval": 4, "chunkedPrefillSize": 4096}})
    prefill, decode = planned.groups
    assert prefill.arguments[prefill.arguments.index("--chunked-prefill-size") + 1] == "16384"
    assert decode.arguments[decode.arguments.index("--chunked-prefill-size") + 1] == "4096"
    assert all("--stream-interval" in group.arguments for group in planned.groups)
    assert "--speculative-algorithm" not in prefill.arguments
    assert [each["model"] for each in companions(planned)] == ["me/head"]
    assert prefill.tuned_files is not None
    assert decode.tuned_files is None


def test_a_bad_setting_of_a_phase_is_named_where_it_was_written() -> None:
    lora = {"maxRank": 16, "adapters": [{"name": "a"}]}
    for changed, at in (
        (apart(decode={"lora": lora}), "disaggregation.decode.lora.adapters[0]"),
        ({**apart(), "lora": lora}, "lora.adapters[0]"),
    ):
        assert {path for path, _ in found(rules, "lora.place", model(changed))} == {at}


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_release_reads_the_variables_of_tuning(version: str) -> None:
    release = engine(version)
    limit = {"maxSizeGiB": 1} if "SGLANG_HICACHE_FILE_BACKEND_MAX_SIZE" in release.variables else {}
    settings = model(QWEN_30B, hierarchicalCache={"storage": limit}, tunedFiles={"fusedMoePath": "/tuned"})
    variables = environment(settings, AS_WRITTEN)
    assert len(variables) == 2 + len(limit)
    assert [*unknown(release, variables), *misread(release, variables), *replaced(release, variables)] == []
