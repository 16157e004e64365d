"""Weights on the node's own disk: what is copied, what is kept, and the container that does it."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.aws.nodes.settings import After, GpuNodesSettings
from components.serving.component import InferenceNamespace
from components.serving.group.objects import leader_worker_set
from components.serving.namespace.plan import plan_namespace
from components.serving.plan import ModelPlan
from components.serving.weights import stage
from infra.rules import weights as across
from tests.support import context, run
from tests.unit.serving.builders import QWEN_8B, R1, found, model, plan, pool, stack

STAGED = {"weights": {"staging": True}}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "lustre" / "r1"
    (folder / "code").mkdir(parents=True)
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / "model-1.safetensors").write_bytes(b"a" * 7)
    (folder / "config.json").write_text("{}")
    (folder / "code" / "modeling.py").write_text("pass")
    (folder / ".cache" / "huggingface" / "lock").write_text("")
    return folder


def names(folder: Path) -> set[str]:
    return set(stage.listed(folder))


def test_every_file_is_copied_but_the_hub_s_own_notes(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "nvme" / "r1"
    assert stage.stage(source, target) == 13
    assert names(target) == {"model-1.safetensors", "config.json", "code/modeling.py"}
    assert (target / "model-1.safetensors").read_bytes() == b"a" * 7
    assert [path.name for path in target.rglob("*.part")] == []


def test_what_is_there_in_its_right_size_is_kept(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "r1"
    target.mkdir()
    (target / "model-1.safetensors").write_bytes(b"b" * 7)
    (target / "config.json").write_text("cut")
    assert stage.stage(source, target) == 6
    assert (target / "model-1.safetensors").read_bytes() == b"b" * 7
    assert (target / "config.json").read_text() == "{}"
    assert stage.stage(source, target) == 0


def test_a_copy_that_was_cut_short_has_no_name(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "r1"

    def cut(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(stage.shutil, "copyfileobj", cut)
        with pytest.raises(OSError, match="no space left"):
            stage.stage(source, target)
    assert names(target) == set()
    assert stage.stage(source, target) == 13


def test_a_disk_that_is_too_small_is_said_at_once(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage.shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    assert stage.main({"SOURCE": str(source), "TARGET": str(tmp_path / "nvme" / "r1")}) == stage.POINTLESS
    assert "free below" in capsys.readouterr().out


def test_an_empty_folder_is_not_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert stage.main({"SOURCE": str(tmp_path / "empty"), "TARGET": str(tmp_path / "r1")}) == stage.POINTLESS
    assert "holds no files" in capsys.readouterr().out


def test_it_tries_again_before_it_gives_up_the_group(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied, failures = stage.stage, iter([True, True])

    def flaky(*folders: Path) -> int:
        if next(failures, False):
            raise OSError("stale file handle")
        return copied(*folders)

    monkeypatch.setattr(stage, "stage", flaky)
    assert stage.main({"SOURCE": str(source), "TARGET": str(tmp_path / "r1")}, pause=0) == 0
    said = capsys.readouterr().out
    assert said.count("stale file handle") == 2
    assert "complete" in said


def test_pods_of_one_node_wait_for_each_other(tmp_path: Path) -> None:
    order: list[str] = []
    target = tmp_path / "r1"

    def second() -> None:
        with stage.alone(target):
            order.append("second")

    with stage.alone(target):
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_the_engine_reads_its_weights_from_the_node() -> None:
    pod = _pod(plan({**R1, **STAGED}))
    (before,), (engine,) = pod["initContainers"], pod["containers"]
    assert {each["name"]: each["value"] for each in before["env"]} == {
        "SOURCE": "/models/huggingface/deepseek-ai/DeepSeek-R1/main",
        "TARGET": "/staged-weights/huggingface/deepseek-ai/DeepSeek-R1/main",
    }
    assert "/staged-weights/huggingface/deepseek-ai/DeepSeek-R1/main" in engine["args"]
    mounts = {mount["name"]: mount for mount in engine["volumeMounts"]}
    assert mounts.keys() == {"shared-memory", "cache", "staged-weights", "weights"}
    assert mounts["staged-weights"]["readOnly"] is True
    assert mounts["weights"]["readOnly"] is True
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["staged-weights"]["hostPath"]["path"] == "/mnt/k8s-disks/0/sglang-weights"
    assert volumes["weights"]["persistentVolumeClaim"] == {"claimName": "weights", "readOnly": True}


def test_the_copy_has_few_rights_and_takes_no_gpu() -> None:
    (before,) = _pod(plan({**R1, **STAGED}))["initContainers"]
    assert before["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert before["securityContext"]["readOnlyRootFilesystem"] is True
    assert set(before["resources"]["limits"]) == {"memory"}


def test_without_staging_nothing_runs_before_the_engine() -> None:
    assert "initContainers" not in _pod(plan(R1))


def test_a_group_has_time_to_copy() -> None:
    staged, plain = plan({**R1, **STAGED}).front, plan(R1).front
    assert staged.ready_minutes - plain.ready_minutes == staged.weights.staging_minutes == 39
    assert staged.probes == plain.probes


def test_the_namespace_lets_it_mount_that_folder_and_has_its_script() -> None:
    room = plan_namespace([plan({**R1, **STAGED})])
    assert room.host_paths == ("/mnt/k8s-disks/0/sglang-cache", "/mnt/k8s-disks/0/sglang-weights")
    made = run(lambda: InferenceNamespace("inference", context(), room))
    script = made.one("kubernetes:core/v1:ConfigMap", "inference-staging")
    assert script.inputs["metadata"]["name"] == "weights-staging"
    compile(script.inputs["data"]["stage.py"], "stage.py", "exec")
    plain = run(lambda: InferenceNamespace("inference", context(), plan_namespace([plan(R1)])))
    assert plain.of_type("kubernetes:core/v1:ConfigMap") == []


def _pod(planned: ModelPlan) -> Any:
    spec = leader_worker_set(planned.front, service_account="engine", claim_name="weights")
    return spec["leaderWorkerTemplate"]["leaderTemplate"]["spec"]


def test_staging_needs_a_file_system() -> None:
    assert found(across.rules, "weights.staging-file-system", stack(model(**STAGED), file_system=None)) == [
        ("models[0].weights.staging", "the stack has no file system to copy from")
    ]
    assert found(across.rules, "weights.staging-file-system", stack(model(**STAGED))) == []


def test_the_disk_holds_every_staged_checkpoint_of_its_pool() -> None:
    def staged(name: str, gib: int) -> Any:
        return model(
            QWEN_8B, name=f"qwen-{name.lower()}", model=f"Qwen/Qwen3-{name}", weights={"staging": True, "sizeGiB": gib}
        )

    fits = stack(staged("4B", 1500), staged("8B", 1500), pools=[pool("g6.12xlarge")])
    assert found(across.rules, "weights.staging-room", fits) == []
    full = stack(staged("4B", 2000), staged("8B", 1500), pools=[pool("g6.12xlarge")])
    said = (
        "the staged checkpoints of pool gpu have 3,758 GB, and the NVMe of g6.12xlarge has 3,760 GB, of which 200 are "
        "for images and logs"
    )
    assert found(across.rules, "weights.staging-room", full) == [
        ("models[0].weights.staging", said),
        ("models[1].weights.staging", said),
    ]


def test_two_models_of_one_checkpoint_share_the_copy() -> None:
    weights = {"staging": True, "sizeGiB": 2000}
    twice = stack(
        model(QWEN_8B, weights=weights), model(QWEN_8B, name="b", weights=weights), pools=[pool("g6.12xlarge")]
    )
    assert found(across.rules, "weights.staging-room", twice) == []


def test_gpu_nodes_wait_for_weights_that_somebody_fetches() -> None:
    last = GpuNodesSettings(after=After.WEIGHTS)
    said = ("gpuNodes.after", "no job fetches weights: the stack has no file system, or every model streams from S3")
    bucket = model(QWEN_8B, weights={"source": "s3", "uri": "s3://weights/qwen"})
    assert found(across.rules, "weights.nothing-to-wait-for", stack(bucket, gpu_nodes=last)) == [said]
    assert found(across.rules, "weights.nothing-to-wait-for", stack(gpu_nodes=last, file_system=None)) == [said]
    assert found(across.rules, "weights.nothing-to-wait-for", stack(gpu_nodes=last)) == []
    assert found(across.rules, "weights.nothing-to-wait-for", stack(file_system=None)) == []
