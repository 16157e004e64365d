"""`pin`: digests from registries, add-on versions from AWS, written without touching the rest of the file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

import infra.cli.pin
from infra.cli.aws import Aws
from infra.cli.pin import Pin, with_pins
from infra.cli.registry import digest_of, locate
from infra.cli.web import Answer, UnreachableError

ROOT = Path(__file__).parents[3]
DIGEST = "sha256:" + "ab" * 32
CHALLENGE = 'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"'


class Registry:
    """A registry that wants a token first, as the public ones do (OCI distribution specification)."""

    def __init__(self, digest: str = DIGEST) -> None:
        self.digest = digest
        self.asked: list[tuple[str, str]] = []

    def __call__(self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        self.asked.append((method, url))
        if "/token/" in url:
            return Answer(200, {"content-type": "application/json"}, b'{"token": "anonymous"}')
        if (headers or {}).get("Authorization") != "Bearer anonymous":
            return Answer(401, {"www-authenticate": CHALLENGE}, b"")
        return Answer(200, {"docker-content-digest": self.digest}, b"")


def aws_says(*arguments: str) -> str:
    """What `aws` prints, in its real form."""
    if arguments[:2] == ("eks", "describe-addon-versions"):
        name = arguments[arguments.index("--addon-name") + 1]
        default = "v1.34.6-eksbuild.13" if name == "kube-proxy" else "v1.22.4-eksbuild.3"
        versions = [
            {
                "addonVersion": "v9.9.9-eksbuild.1",
                "compatibilities": [{"clusterVersion": "1.34", "defaultVersion": False}],
            },
            {
                "addonVersion": default,
                "compatibilities": [{"clusterVersion": "1.34", "defaultVersion": True}],
            },
        ]
        return json.dumps({"addons": [{"addonName": name, "type": "networking", "addonVersions": versions}]})
    if arguments[:2] == ("ecr", "batch-get-image"):
        image = {"registryId": "763104351884", "imageId": {"imageDigest": DIGEST, "imageTag": "0.5.17"}}
        return json.dumps({"images": [image], "failures": []})
    raise AssertionError(arguments)


def aws(answer: str | None = None) -> Aws:
    def run(arguments: Sequence[str]) -> str:
        return aws_says(*arguments) if answer is None else answer

    return Aws(run)


def test_a_public_registry_gives_a_digest_after_an_anonymous_token() -> None:
    registry = Registry()
    assert digest_of("public.ecr.aws/deep-learning-containers/sglang", "0.5.17", registry, aws()) == DIGEST
    assert registry.asked == [
        ("HEAD", "https://public.ecr.aws/v2/deep-learning-containers/sglang/manifests/0.5.17"),
        ("GET", "https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws"),
        ("HEAD", "https://public.ecr.aws/v2/deep-learning-containers/sglang/manifests/0.5.17"),
    ]


def test_a_private_registry_is_asked_through_aws() -> None:
    repository = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sglang"
    assert digest_of(repository, "0.5.17", Registry(), aws()) == DIGEST


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("lmsysorg/sglang", ("registry-1.docker.io", "lmsysorg/sglang")),
        ("docker.io/lmsysorg/sglang", ("registry-1.docker.io", "lmsysorg/sglang")),
        ("busybox", ("registry-1.docker.io", "library/busybox")),
        ("registry.example.com:5000/a/b", ("registry.example.com:5000", "a/b")),
    ],
)
def test_a_repository_is_located_as_docker_does(repository: str, place: tuple[str, str]) -> None:
    assert locate(repository) == place


def test_a_tag_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UnreachableError, match="status 404 and no digest"):
        digest_of("public.ecr.aws/a/b", "0", lambda *_, **__: Answer(404, {}, b""), aws())


def test_an_addon_is_pinned_to_the_version_that_eks_takes_by_default() -> None:
    assert aws().addon_version("vpc-cni", "1.34", "us-east-1") == "v1.22.4-eksbuild.3"


def test_an_addon_without_a_default_is_an_error() -> None:
    with pytest.raises(UnreachableError, match="names no default version of vpc-cni"):
        aws('{"addons": []}').addon_version("vpc-cni", "1.34", "us-east-1")


def test_an_image_that_ecr_does_not_have_is_an_error() -> None:
    answer = '{"images": [], "failures": [{"failureReason": "Requested image not found"}]}'
    with pytest.raises(UnreachableError, match="Requested image not found"):
        aws(answer).image_digest("763104351884", "us-east-1", "sglang", "0", [])


def test_pins_change_nothing_else_in_the_file() -> None:
    text = (ROOT / "Pulumi.prod.yaml").read_text()
    pinned = with_pins(
        text,
        [
            Pin(("models", 1, "engine", "image", "digest"), DIGEST),
            Pin(("cluster", "addons", "vpcCni", "version"), "v1.22.4-eksbuild.3"),
        ],
    )
    changes = [line for line in difflib.ndiff(text.splitlines(), pinned.splitlines()) if line[0] in "+-"]
    assert all(line.startswith("+") for line in changes), changes
    config = yaml.safe_load(pinned)["config"]
    assert config["sglang-hyperpod:models"][1]["engine"] == {"image": {"digest": DIGEST}}
    assert config["sglang-hyperpod:cluster"]["addons"] == {"vpcCni": {"version": "v1.22.4-eksbuild.3"}}


def test_a_bare_mapping_is_pinned_without_prefixes() -> None:
    assert yaml.safe_load(
        with_pins("cluster: {name: a}\n", [Pin(("cluster", "addons", "coredns", "version"), "v1")])
    ) == {"cluster": {"name": "a", "addons": {"coredns": {"version": "v1"}}}}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infra.cli.pin, "ask", Registry())
    monkeypatch.setattr(infra.cli.pin, "Aws", aws)


@pytest.mark.usefixtures("offline")
def test_the_command_writes_digests_and_versions(sglang: Callable[..., Result], dev_file: Callable[..., Path]) -> None:
    config = dev_file()
    result = sglang("pin", "--config", config)
    assert result.exit_code == 0, result.output
    content = yaml.safe_load(config.read_text())["config"]
    assert content["sglang-hyperpod:models"][0]["engine"]["image"]["digest"] == DIGEST
    assert content["sglang-hyperpod:monitoring"]["efaExporter"]["image"]["digest"] == DIGEST
    assert content["sglang-hyperpod:cluster"]["addons"]["vpcCni"]["version"] == "v1.22.4-eksbuild.3"
    assert f"models[0].engine.image.digest: {DIGEST}" in result.stdout


@pytest.mark.usefixtures("offline")
def test_a_dry_run_writes_nothing(sglang: Callable[..., Result], dev_file: Callable[..., Path]) -> None:
    config = dev_file()
    before = config.read_text()
    assert sglang("pin", "--config", config, "--dry-run").exit_code == 0
    assert config.read_text() == before


def test_what_cannot_be_looked_up_is_said_and_the_rest_is_written(
    sglang: Callable[..., Result], dev_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_aws(_: Sequence[str]) -> str:
        raise UnreachableError("`aws` is not installed")

    monkeypatch.setattr(infra.cli.pin, "ask", Registry())
    monkeypatch.setattr(infra.cli.pin, "Aws", lambda: Aws(no_aws))
    config = dev_file()
    result = sglang("pin", "--config", config)
    assert result.exit_code == 2
    assert "not pinned: `aws` is not installed" in result.stderr
    assert DIGEST in config.read_text()


def test_pins_that_the_rules_refuse_are_not_written(
    sglang: Callable[..., Result], dev_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infra.cli.pin, "ask", Registry(digest="sha256:short"))
    monkeypatch.setattr(infra.cli.pin, "Aws", aws)
    config = dev_file()
    before = config.read_text()
    result = sglang("pin", "--config", config)
    assert result.exit_code == 2
    assert "nothing was written" in result.stderr
    assert config.read_text() == before
    assert [path.name for path in config.parent.iterdir()] == [config.name]
