"""The weights job: what it fetches, what it leaves alone, and when it gives up."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from components.serving.weights import prefetch
from components.serving.weights.job import BEHAVIOUR, job, job_minutes, prefetches, script
from tests.unit.serving.builders import QWEN_8B, R1, plan

FILES = {"config.json": 2, "model-1.safetensors": 5, "model-2.safetensors": 7, "pytorch_model.bin": 12}


class Hub:
    """A hub with one model; `fail` is what it answers instead, `cut` a file that it hands over too short."""

    def __init__(self) -> None:
        self.files = dict(FILES)
        self.fail: int | None = None
        self.cut: str | None = None
        self.fetched: list[str] = []

    def model_info(self, *_: Any, **__: Any) -> Any:
        if self.fail:
            raise HttpError(self.fail)
        return SimpleNamespace(
            siblings=[SimpleNamespace(rfilename=name, size=size) for name, size in self.files.items()]
        )

    def snapshot_download(self, _: str, *, local_dir: Path, allow_patterns: list[str], **__: Any) -> None:
        for name in allow_patterns:
            content = b"x" * self.files[name]
            if not (local_dir / name).exists() or (local_dir / name).read_bytes() != content:
                self.fetched.append(name)
                (local_dir / name).write_bytes(content[:1] if name == self.cut else content)


class HttpError(Exception):
    def __init__(self, status: int) -> None:
        self.response = SimpleNamespace(status_code=status)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    module, utils = ModuleType("huggingface_hub"), ModuleType("huggingface_hub.utils")
    vars(module).update(HfApi=lambda: made, snapshot_download=made.snapshot_download)
    vars(utils).update(HfHubHTTPError=HttpError)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub.utils", utils)
    return made


def run(folder: Path, *, fetch: bool = True) -> int:
    return prefetch.main({"MODEL": "a/b", "FOLDER": str(folder), "FETCH": "1" if fetch else ""})


def test_it_fetches_one_form_of_the_weights(hub: Hub, tmp_path: Path) -> None:
    assert run(tmp_path / "b") == 0
    assert sorted(hub.fetched) == ["config.json", "model-1.safetensors", "model-2.safetensors"]


def test_what_is_there_in_its_right_size_is_kept(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model-1.safetensors").write_bytes(b"x" * 5)
    assert run(tmp_path) == 0
    assert sorted(hub.fetched) == ["config.json", "model-2.safetensors"]


def test_a_complete_folder_is_left_alone(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path)
    hub.fetched.clear()
    assert run(tmp_path) == 0
    assert hub.fetched == []
    assert "complete: 3 files" in capsys.readouterr().out


def test_drafts_and_adapters_are_fetched_beside_the_model(hub: Hub, tmp_path: Path) -> None:
    beside = [{"model": "a/draft", "revision": None, "folder": str(tmp_path / "draft")}]
    environment = {"MODEL": "a/b", "FOLDER": str(tmp_path / "model"), "FETCH": "1", "COMPANIONS": json.dumps(beside)}
    assert prefetch.main(environment) == 0
    assert sorted(path.name for path in (tmp_path / "draft").iterdir()) == sorted(
        path.name for path in (tmp_path / "model").iterdir()
    )
    hub.fail = 404
    assert prefetch.main(environment) == prefetch.POINTLESS


def test_a_file_that_came_short_is_tried_again(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.cut = "model-2.safetensors"
    assert run(tmp_path) == 1
    assert "not in their right size: model-2.safetensors" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "code"), [(401, 3), (404, 3), (429, 1), (503, 1)])
def test_it_tries_again_only_where_that_may_help(hub: Hub, tmp_path: Path, status: int, code: int) -> None:
    hub.fail = status
    assert run(tmp_path) == code


def test_a_file_system_that_is_too_small_is_said_at_once(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prefetch.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    assert run(tmp_path) == 3
    assert "free in" in capsys.readouterr().out
    assert hub.fetched == []


def test_weights_that_are_there_are_read_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "one.safetensors").write_bytes(b"x" * 2**20)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    assert run(tmp_path, fetch=False) == 0
    assert "complete: 0.0 GiB read" in capsys.readouterr().out


def test_a_checkpoint_without_one_of_its_files_is_incomplete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    assert run(tmp_path, fetch=False) == 3
    assert "lacks one.safetensors" in capsys.readouterr().out


def test_models_without_safetensors_keep_their_other_form() -> None:
    files = {"config.json": 1, "pytorch_model.bin": 2, "original/x.pth": 3}
    assert prefetch.wanted(files) == {"config.json": 1, "pytorch_model.bin": 2}


def test_two_models_with_the_same_weights_need_one_job() -> None:
    first, second = plan(R1), plan(R1, name="r1-long", contextLength=32768)
    assert [model.name for model in prefetches([first, second, plan(QWEN_8B)])] == ["r1", "qwen"]


def test_the_job_runs_without_a_gpu_and_with_few_rights() -> None:
    pod = job(plan(R1), claim_name="weights", config_map="r1-weights", token_secret=None)["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["nodeSelector"] == {"sglang-hyperpod/pool": "system"}
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_token_is_read_from_a_secret() -> None:
    pod = job(plan(R1), claim_name="weights", config_map="r1-weights", token_secret="r1-weights")["template"]["spec"]
    (variable,) = [each for each in pod["containers"][0]["env"] if each["name"] == "HF_TOKEN"]
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "r1-weights", "key": "token"}}


def test_a_pointless_job_ends_at_once() -> None:
    spec = job(plan(R1), claim_name="weights", config_map="r1-weights", token_secret=None)
    rule, _ = spec["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [prefetch.POINTLESS]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_job_stays_when_it_is_done() -> None:
    assert "ttlSecondsAfterFinished" not in job(plan(R1), claim_name="w", config_map="w", token_secret=None)


def test_a_large_checkpoint_has_hours() -> None:
    assert job_minutes(642) > 240


def test_a_new_script_alone_runs_no_finished_job_again() -> None:
    """Whoever changes the script decides: a new BEHAVIOUR where what older ones left must be made anew, or else only
    the new digest here, the second of the two.
    """
    template = job(plan(R1), claim_name="w", config_map="w", token_secret=None)["template"]
    assert template["metadata"]["annotations"] == {"sglang-hyperpod/script": BEHAVIOUR}
    assert (BEHAVIOUR, hashlib.sha256(script().encode()).hexdigest()[:16]) == ("cfa1c35a224d74bd", "41e55de17668a042")
