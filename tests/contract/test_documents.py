"""The documentation leads somewhere: links, anchors, command lines and settings exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import typer
import typer.main
import yaml
from pydantic import BaseModel

from infra.cli.main import app
from infra.cli.source import Source, previewed
from infra.doctor.check import CHECKS
from infra.doctor.checks import pods
from infra.doctor.expected import Expected
from infra.settings.stack import StackSettings
from tests.contract.documents import PAGES, ROOT, RUNBOOKS, Command, anchors, commands, links, preventing
from tests.tools import find

RUNBOOK_PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.name != "README.md")
BUILT_IN_KINDS = {
    "node",
    "pod",
    "event",
    "namespace",
    "deployment",
    "daemonset",
    "statefulset",
    "replicaset",
    "job",
    "service",
    "endpointslice",
    "secret",
    "configmap",
    "serviceaccount",
    "poddisruptionbudget",
    "persistentvolume",
    "persistentvolumeclaim",
    "networkpolicy",
    "ingress",
    "apiservice",
    "crd",
    "validatingwebhookconfiguration",
    "mutatingwebhookconfiguration",
    "validatingadmissionpolicy",
}
SHORT = {"pv": "persistentvolume", "pvc": "persistentvolumeclaim", "networkpolicies": "networkpolicy"}
OTHER_NAMESPACES = {"kube-system", "default", "routers"}
"""`routers` is there where a model has a router, which neither shipped stack has."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_and_anchor_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(file), f"{target}: the page has no such anchor"


def test_the_index_names_every_runbook_once() -> None:
    listed = [target for target in links(RUNBOOKS / "README.md") if target.endswith(".md") and "/" not in target]
    assert sorted(listed) == [page.name for page in RUNBOOK_PAGES]


@pytest.mark.parametrize("page", RUNBOOK_PAGES, ids=named)
def test_a_runbook_says_what_one_sees_and_how_to_look(page: Path) -> None:
    text = page.read_text()
    assert text.startswith("# ")
    assert "\n## What you see\n" in text
    assert list(commands(page, "kubectl")) or list(commands(page, "pulumi")) or list(commands(page, "sglang-hyperpod"))


def test_every_finding_of_the_doctor_has_its_page() -> None:
    source = "".join(path.read_text() for path in (ROOT / "infra" / "doctor").rglob("*.py"))
    named = {check.page for check in CHECKS} | set(re.findall(r'"([a-z-]+\.md(?:#[a-z-]+)?)"', source))
    assert len(named) > 20
    assert pods.by_cause("memory")
    for target in named:
        page, _, anchor = target.partition("#")
        assert (RUNBOOKS / page).exists(), f"no page {page}"
        assert not anchor or anchor in anchors(RUNBOOKS / page), target


@pytest.mark.parametrize("page", RUNBOOK_PAGES, ids=named)
def test_the_settings_that_a_runbook_names_exist(page: Path) -> None:
    for path in preventing(page):
        model: type[BaseModel] | None = StackSettings
        for part in path.split("."):
            assert model is not None, f"{path}: nothing is below"
            fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
            assert part in fields, f"{path}: there is no setting {part}"
            model = model_in(fields[part])


def model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := model_in(each))), None)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_our_own_command_lines_parse(page: Path) -> None:
    group = typer.main.get_command(app)
    for command in commands(page, "sglang-hyperpod"):
        name, *rest = command.words[1:]
        known = getattr(group, "commands")  # noqa: B009 - typer types its group as a plain command
        assert name in known, str(command)
        arguments = [word for word in rest if not re.search(r"[\[\]|]", word)]
        known[name].make_parser(typer.Context(known[name])).parse_args(args=arguments)


@pytest.mark.parametrize("page", RUNBOOK_PAGES, ids=named)
def test_kubectl_names_kinds_and_namespaces_of_the_plan(page: Path) -> None:
    kinds, namespaces = planned()
    for command in commands(page, "kubectl"):
        for namespace in namespaces_of(command):
            assert namespace in namespaces, str(command)
        for kind in kinds_of(command):
            assert singular(kind) in kinds, str(command)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_kubectl_and_pulumi_know_the_flags(page: Path) -> None:
    for program, path in (("pulumi", find("pulumi")), ("kubectl", shutil.which("kubectl"))):
        if path is None:
            pytest.skip(f"{program} is not there")
        for command in commands(page, program):
            words = [word for word in command.words[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
            depth = 2 if words[0] in ("config", "state", "rollout", "auth", "stack") else 1
            text = usage(str(path), *words[:depth])
            for flag in (word.partition("=")[0] for word in command.words if word.startswith("--")):
                assert flag in text or flag in ("--stack", "--path"), f"{command}: {flag}"


@cache
def usage(program: str, *words: str) -> str:
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{program} {' '.join(words)}: {done.stderr}"
    options = subprocess.run([program, "options"], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + (options.stdout if program.endswith("kubectl") else "")


def test_the_documented_role_only_reads() -> None:
    role = yaml.safe_load((RUNBOOKS / "reader.yaml").read_text())
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list"}
    assert not any("secrets" in rule["resources"] for rule in role["rules"])


@cache
def planned() -> tuple[set[str], set[str]]:
    """Kinds (singular, lower case) and namespaces of the shipped stacks."""
    kinds, namespaces = set(BUILT_IN_KINDS), set(OTHER_NAMESPACES)
    for stack in ("dev", "prod"):
        shown = previewed(Source(ROOT / f"Pulumi.{stack}.yaml", stack))
        expected = Expected.of(shown.plan, shown.recording)
        kinds |= {each.kind.lower() for each in expected.objects}
        namespaces |= expected.namespaces
    return kinds, namespaces


def namespaces_of(command: Command) -> list[str]:
    words = command.words
    follow = [words[place + 1] for place, word in enumerate(words) if word == "-n"]
    return follow + [word.partition("=")[2] for word in words if word.startswith("--namespace=")]


def kinds_of(command: Command) -> list[str]:
    """What stands behind `get` and the like; `logs` and `exec` name a pod, or a kind with a slash."""
    verb, *rest = command.words[1:]
    if verb in ("get", "describe", "delete", "label", "patch", "taint"):
        return [rest[0]] if verb != "taint" else ["nodes"]
    if verb == "rollout":
        return [rest[1]]
    return [word.partition("/")[0] for word in rest if re.fullmatch(r"[a-z]+/[\w-]+", word)]


def singular(kind: str) -> str:
    if kind in SHORT:
        return SHORT[kind]
    if kind.endswith("ies"):
        return f"{kind[:-3]}y"
    if kind.endswith(("sses",)):
        return kind[:-2]
    return kind[:-1] if kind.endswith("s") and not kind.endswith("ss") else kind
