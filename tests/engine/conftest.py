"""Fixtures of the engine tier; without the Pulumi CLI it is skipped, in one line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import tools
from tests.engine.result import Result
from tests.engine.stack import EngineStack, shipped_settings, simulated_providers

# The SDK's language server says goodbye to an engine that has gone already whenever an update fails.
logging.getLogger("grpc._server").setLevel(logging.CRITICAL)

if tools.find("pulumi") is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_sessionstart() -> None:
    """Keep still about the SDK's main coroutines: where an update fails they are left unfinished, and stumble over the
    closed loop when they are collected (pulumi 3.272 runtime/stack.py).
    """
    others = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if getattr(unraisable.object, "__name__", "") not in ("run_in_stack", "run_pulumi_func"):
            others(unraisable)

    sys.unraisablehook = hook


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say why nothing ran."""
    if tools.find("pulumi") is None:
        terminalreporter.write_line("tests/engine: skipped, there is no Pulumi CLI (`make tools` builds it)")


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The server of the simulated providers; the path of its socket."""
    with simulated_providers(tmp_path_factory.mktemp("providers")) as socket:
        yield socket


@pytest.fixture(scope="session")
def make_stack(
    providers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Mapping[str, Any], Callable[[], Any]], EngineStack]:
    """`make_stack(name, stack_file_content, program)`: a stack in a folder and a cloud of its own."""
    folder, number = tmp_path_factory.mktemp("stacks"), count(1)
    cli = tools.find("pulumi")
    assert cli is not None

    def make(name: str, config: Mapping[str, Any], program: Callable[[], Any]) -> EngineStack:
        return EngineStack(folder / f"{name}-{next(number)}", name, config, program, cli=cli, socket=providers)

    return make


@dataclass(frozen=True)
class Deployed:
    """A stack after its first preview, its first update and a second preview. Not to be changed: tests `clone` it."""

    stack: EngineStack
    first: Result
    up: Result
    again: Result


@pytest.fixture(scope="session")
def shipped(make_stack: Callable[..., EngineStack]) -> Callable[[str], EngineStack]:
    """`shipped("dev")`: a fresh stack with the shipped settings and the real program."""
    from infra.program import main

    def make(name: str) -> EngineStack:
        return make_stack(name, shipped_settings(name), main)

    return make


@pytest.fixture(scope="session")
def deployed(shipped: Callable[[str], EngineStack]) -> Callable[[str], Deployed]:
    """`deployed("dev")`: the shipped stack, deployed once for all tests."""

    @cache
    def deploy(name: str) -> Deployed:
        stack = shipped(name)
        first, up = stack.preview(), stack.up()
        return Deployed(stack, first, up, stack.preview("--expect-no-changes"))

    return deploy


@pytest.fixture
def clone(deployed: Callable[[str], Deployed], tmp_path: Path) -> Callable[[str], EngineStack]:
    """`clone("dev")`: a deployed stack to do with as one likes."""

    def make(name: str) -> EngineStack:
        before = deployed(name)
        assert before.up.ok, before.up.errors()
        return before.stack.clone(tmp_path / name)

    return make
