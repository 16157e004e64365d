"""The program as the Pulumi CLI runs it."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from infra.cli.source import Source
from infra.offline import record
from infra.offline.recording import Recording
from infra.program import main


def run(stack: str, charts: Path) -> Recording:
    config, secrets = Source.of(stack, None).engine_config()
    return record(lambda: main(charts=charts), stack=stack, config=config, secret_keys=secrets)


def test_a_hyperpod_stack_stops_where_its_chart_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match="run `sglang-hyperpod chart`"):
        run("prod", tmp_path)


def test_a_stack_without_hyperpod_needs_no_chart(tmp_path: Path) -> None:
    assert run("dev", tmp_path).resources
