"""Rendered files: valid YAML, where one expects them, unknowns and secrets as references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import yaml

from infra.report.model import Preview
from infra.report.objects import files_of, write_files
from tests.support import Recording, run


def program() -> None:
    kube = k8s.Provider("kube", kubeconfig="{}", cluster_identifier="sglang")
    inside = pulumi.ResourceOptions(provider=kube)
    file_system = aws.fsx.LustreFileSystem("weights", subnet_ids="subnet-1")
    k8s.core.v1.Namespace("namespace", metadata={"name": "inference"}, opts=inside)
    k8s.core.v1.Secret(
        "token",
        metadata={"name": "hugging-face", "namespace": "inference"},
        string_data={"token": pulumi.Config("sglang-hyperpod").require_secret("token")},
        opts=inside,
    )
    k8s.core.v1.ConfigMap(
        "notes",
        metadata={"name": "notes", "namespace": "inference"},
        data={"dns": file_system.dns_name, "script": "set -eu\nexec sglang\n", "number": "8", "switch": "on"},
        opts=inside,
    )
    k8s.helm.v3.Release(
        "lws-release",
        name="lws",
        namespace="lws-system",
        chart="oci://registry.k8s.io/lws/charts/lws",
        version="0.10.0",
        values={"replicaCount": 2},
        opts=inside,
    )


def rendered() -> dict[str, str]:
    return files_of(recording())


def recording() -> Recording:
    return run(program, token="hf_plain", secrets=["token"])


def loaded(path: str) -> Any:
    return yaml.safe_load(rendered()[path])


def test_files_are_named_by_namespace_kind_and_name() -> None:
    assert set(rendered()) == {
        "_cluster/namespace-inference.yaml",
        "inference/configmap-notes.yaml",
        "inference/secret-hugging-face.yaml",
        "lws-system/values-lws.yaml",
    }


def test_an_object_begins_with_its_head() -> None:
    assert list(loaded("_cluster/namespace-inference.yaml")) == ["apiVersion", "kind", "metadata"]


def test_an_unknown_is_a_quoted_reference() -> None:
    assert '"<weights.dnsName>"' in rendered()["inference/configmap-notes.yaml"]
    assert loaded("inference/configmap-notes.yaml")["data"]["dns"] == "<weights.dnsName>"


def test_a_secret_is_a_reference_and_its_text_nowhere() -> None:
    assert loaded("inference/secret-hugging-face.yaml")["stringData"] == "<secret token.stringData>"
    assert not any("hf_plain" in text for text in rendered().values())


def test_text_of_several_lines_stays_readable() -> None:
    assert "script: |\n" in rendered()["inference/configmap-notes.yaml"]


def test_text_that_looks_like_another_type_stays_text() -> None:
    data = loaded("inference/configmap-notes.yaml")["data"]
    assert (data["number"], data["switch"]) == ("8", "on")


def test_chart_values_say_which_chart_they_are_for() -> None:
    text = rendered()["lws-system/values-lws.yaml"]
    assert "# chart oci://registry.k8s.io/lws/charts/lws" in text
    assert "# version 0.10.0" in text
    assert yaml.safe_load(text) == {"replicaCount": 2}


def test_every_file_of_a_whole_stack_is_valid_yaml(dev: Preview, tmp_path: Path) -> None:
    for name in write_files(dev.recording, tmp_path):
        assert isinstance(yaml.safe_load((tmp_path / name).read_text()), dict), name


def test_no_two_objects_of_a_whole_stack_share_a_file(dev: Preview) -> None:
    objects = [r for r in dev.recording.resources if r.type.startswith("kubernetes:") and r.inputs and not r.made_by]
    assert len(files_of(dev.recording)) == len(objects)
