"""What a first-time user reads: secrets are never repeated, and a fix names keys and examples."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.rules import Problem, Severity
from infra.settings import from_engine, load_stack_file, validate

ROOT = Path(__file__).parents[3]
TOKENS = [
    "hf_abcdefghijklmnop",
    "sk-proj-abcdefghijklmnop",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx",
    "xoxb-123-456",
    "https://hooks.slack.com/services/T0/B0/xyz",
]
PHASE = {"nodePool": "g6", "parallelism": {"tensor": 4}}


@pytest.fixture
def dev() -> dict[str, Any]:
    return copy.deepcopy(load_stack_file(ROOT / "Pulumi.dev.yaml"))


def errors(raw: dict[str, Any]) -> dict[str, Problem]:
    found = validate(raw).errors
    assert len({problem.path for problem in found}) == len(found)
    return {problem.path: problem for problem in found}


def put(raw: dict[str, Any], path: list[str | int], value: Any) -> None:
    here: Any = raw
    for part in path[:-1]:
        here = here.setdefault(part, {}) if isinstance(part, str) else here[part]
    here[path[-1]] = value


def texts(raw: dict[str, Any]) -> Iterator[str]:
    for problem in validate(raw).problems:
        yield str(problem)


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_in_the_place_of_its_name_is_not_repeated(dev: dict[str, Any], token: str) -> None:
    slack = {"name": "ops", "slack": {"urlSecret": token, "channel": "#ops"}}
    dev["models"][0] |= {"weights": {"tokenSecret": token}, "apiKeySecret": token}
    dev["monitoring"] = {"alertmanager": {"receivers": [slack]}, "grafana": {"adminPasswordSecret": token}}
    found = errors(dev)
    assert set(found) == {
        "models[0].weights.tokenSecret",
        "models[0].apiKeySecret",
        "monitoring.alertmanager.receivers[0].slack.urlSecret",
        "monitoring.grafana.adminPasswordSecret",
    }
    for problem in found.values():
        assert "*** looks like the secret itself, not its name" in problem.message
        assert "the NAME under which `pulumi config set --secret sglang-hyperpod:NAME` stored" in problem.fix
    assert not [text for text in texts(dev) if token in text]


def test_a_name_that_begins_like_a_token_is_a_name(dev: dict[str, Any]) -> None:
    dev["models"][0]["weights"] = {"tokenSecret": "hf_token"}
    dev["models"][0]["apiKeySecret"] = "sk-production-clients"
    dev["secrets"] = ["sk-production-clients"]
    assert {path: one.message for path, one in errors(dev).items()} == {
        "models[0].weights.tokenSecret": "the stack has no secret hf_token"
    }


def test_a_token_as_a_key_or_as_another_value_is_not_repeated(dev: dict[str, Any]) -> None:
    dev[TOKENS[0]] = "x"
    dev["region"] = TOKENS[0]
    assert errors(dev)["hf_***"].message == "is not a section of the settings"
    assert errors(dev)["region"].message == "'hf_***' has the wrong form"
    assert not [text for text in texts(dev) if TOKENS[0] in text]


def test_a_prefix_with_a_slip_is_told_once(tmp_path: Path) -> None:
    content = (ROOT / "Pulumi.dev.yaml").read_text().replace("sglang-hyperpod:", "sglang-hyperpood:")
    (tmp_path / "Pulumi.dev.yaml").write_text(content)
    found = errors(load_stack_file(tmp_path / "Pulumi.dev.yaml"))
    assert list(found) == ["sglang-hyperpood"]
    assert found["sglang-hyperpood"].message == "the file has keys under `sglang-hyperpood:`"
    assert "did you mean `sglang-hyperpod:`" in found["sglang-hyperpood"].fix


def test_another_packages_prefix_is_no_slip() -> None:
    others = {"pulumi:x": "1", "kubernetes:x": "1", "aws:profile": "p", "datadog:site": "eu"}
    assert from_engine(others | {"sglang-hyperpod:region": "us-east-1"}, set()) == {"region": "us-east-1"}


def test_a_secret_in_plain_text_is_one_error_without_its_value(dev: dict[str, Any]) -> None:
    dev["teamA"] = "sk-plaintext"
    dev["models"][0]["apiKeySecret"] = "teamA"
    found = errors(dev)
    assert {path: one.message for path, one in found.items()} == {
        "teamA": "is a secret, and it is stored in plain text"
    }
    assert "store it again with `pulumi config set --secret sglang-hyperpod:teamA`" in found["teamA"].fix
    assert not [text for text in texts(dev) if "sk-plaintext" in text]


def test_a_section_with_a_slip_may_also_be_a_secret(dev: dict[str, Any]) -> None:
    dev["monitorng"] = {}
    store = "a secret is stored with `pulumi config set --secret sglang-hyperpod:monitorng`"
    assert errors(dev)["monitorng"].fix == f"did you mean `monitoring`? If not, {store}"


@pytest.mark.parametrize(
    ("path", "value", "at", "fix"),
    [
        (["models", 0, "entry", "host"], "https://r1.example.com/x", "", "e.g. r1.example.com, without https://"),
        (["models", 0, "entry", "path"], "r1", "", "begins with a slash and does not end in one, e.g. /r1"),
        (["models", 0, "entry", "certificateArn"], "cert", "", "arn:aws:acm:us-east-1:111122223333:certificate/"),
        (
            ["monitoring", "alertmanager", "receivers"],
            [{"name": "ops", "slack": {"urlSecret": "url", "channel": "Ops Team"}}],
            "[0].slack.channel",
            'e.g. "#inference-alerts"',
        ),
        (
            ["models", 0, "arguments"],
            {"chunked_prefill_size": 4096},
            ".chunked_prefill_size",
            "with hyphens, e.g. chunked-prefill-size",
        ),
        (["models", 0, "arguments"], {"@": 1}, "", "with hyphens, e.g. chunked-prefill-size"),
        (["prices", "asOf"], "yesterday", "", 'write a day such as "2026-07-06"'),
        (["monitoring", "grafana", "adminPasswordSecret"], "my password", "", "write the NAME under which"),
        (["models", 0, "name"], "x" * 200, "", "give at most"),
        (["monitoring"], True, "", "it should be a mapping, e.g. `{enabled: true}`"),
        (["cluster"], "prod", "", "it should be a mapping, e.g. `{name: …}`"),
        (["gateway"], {"keys": [{"name": "a"}]}, ".keys[0].secret", "add `secret`: Name under `secrets` of the key"),
        (["models", 0, "parallelism"], None, "", "it should be a mapping, e.g. `{tensor: 1}`"),
        (["models", 0, "autoscaling"], {}, ".maxReplicas", "add `maxReplicas`: The most groups"),
        (
            ["models", 0, "disaggregation"],
            {"transport": "mooncake-tcp", "prefill": PHASE},
            ".decode",
            "add `decode: {",
        ),
    ],
)
def test_a_fix_says_what_is_expected_with_an_example(
    dev: dict[str, Any], path: list[str | int], value: Any, at: str, fix: str
) -> None:
    put(dev, path, value)
    told = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    assert fix in errors(dev)[f"{told}{at}"].fix


@pytest.mark.parametrize("times", ["0 8", "every day at 9", "8"])
def test_a_time_has_five_fields(dev: dict[str, Any], times: str) -> None:
    cron = [{"start": times, "end": "0 18 * * 1-5", "replicas": 1}]
    dev["models"][0]["autoscaling"] = {"minReplicas": 1, "maxReplicas": 1, "cron": cron}
    found = errors(dev)["models[0].autoscaling.cron[0].start"]
    assert "fields, not 5" in found.message
    assert found.fix == "use e.g. 0 8 * * 1-5"


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("p5.48xlarg", "did you mean p5.48xlarge?"),
        ("ml.p5.48xlarg", "did you mean ml.p5.48xlarge?"),
        ("g6.12xlarg", "did you mean g6.12xlarge?"),
        ("gpu", "remove it, or name an EC2 type such as p5.48xlarge"),
    ],
)
def test_a_price_of_no_instance_type_is_a_warning(dev: dict[str, Any], name: str, fix: str) -> None:
    dev["prices"]["perHour"] |= {name: 55, "trn1.32xlarge": 21.5}
    (found,) = [problem for problem in validate(dev).problems if problem.rule == "prices.instance-type"]
    assert (found.path, found.severity) == (f"prices.perHour.{name}", Severity.WARNING)
    assert (found.message, found.fix) == ("is no instance type, so the price is never used", fix)


def test_limits_out_of_order_are_one_error_with_the_least_that_works(dev: dict[str, Any]) -> None:
    del dev["models"][0]["replicas"]
    dev["models"][0]["autoscaling"] = {"minReplicas": 3, "maxReplicas": 2}
    found = errors(dev)
    assert list(found) == ["models[0].autoscaling.maxReplicas"]
    assert found["models[0].autoscaling.maxReplicas"].fix == "use 3 or more, or a lower minReplicas"


def test_too_few_nodes_are_told_at_the_number_that_was_written(dev: dict[str, Any]) -> None:
    del dev["models"][0]["replicas"]
    dev["models"][0]["autoscaling"] = {"minReplicas": 3, "maxReplicas": 4}
    found = errors(dev)
    assert set(found) == {"models[0].autoscaling.minReplicas", "models[0].autoscaling.maxReplicas"}
    assert found["models[0].autoscaling.minReplicas"].fix == "set nodePools g6 nodes: 6, or a lower minReplicas"


def test_a_context_above_both_limits_is_told_once(dev: dict[str, Any]) -> None:
    dev["models"][0]["contextLength"] = 10_000_000
    assert errors(dev)["models[0].contextLength"].fix == "use at most 40960"


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_version_that_is_not_known_is_its_only_fault(stack: str) -> None:
    raw = copy.deepcopy(load_stack_file(ROOT / f"Pulumi.{stack}.yaml"))
    raw["cluster"]["kubernetesVersion"] = "1.20"
    told = [problem.rule for problem in validate(raw).problems if problem.path.startswith("cluster.")]
    assert sorted(told) == ["eks.private-only", "eks.version-known"]


def test_a_slip_in_a_pools_name_does_not_make_the_pool_unused(dev: dict[str, Any]) -> None:
    dev["models"][0]["nodePool"] = "g7"
    assert "nodes.unused" not in {problem.rule for problem in validate(dev).problems}
    assert list(errors(dev)) == ["models[0].nodePool"]


def test_a_slip_in_a_transport_says_nothing_of_the_router(dev: dict[str, Any]) -> None:
    apart = {"transport": "mooncake-tpc", "prefill": PHASE, "decode": PHASE}
    router = {"decodePolicy": "power_of_two"}
    dev["models"].append({"name": "apart", "model": "Qwen/Qwen3-8B", "disaggregation": apart, "router": router})
    assert list(errors(dev)) == ["models[1].disaggregation.transport"]
    assert not [one for one in validate(dev).problems if one.path.startswith("models[1].router")]
