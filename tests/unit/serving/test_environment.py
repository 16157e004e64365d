"""The environment that the program sets, against the variables that each release reads."""

from __future__ import annotations

import pytest

from components.facts.engines import SUPPORTED, engine
from components.serving.engine.environment import environment
from components.serving.engine.variables import misread, replaced, unknown


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("offline", [True, False])
def test_every_release_reads_what_the_program_sets(version: str, offline: bool) -> None:
    release = engine(version)
    variables = environment(several_nodes=True, efa=True, offline=offline, extra={})
    assert [*unknown(release, variables), *misread(release, variables), *replaced(release, variables)] == []


def test_a_variable_of_something_else_is_left_alone() -> None:
    assert list(unknown(engine("0.5.17"), {"OMP_NUM_THREADS": "1", "FLASHINFER_LOGLEVEL": "1"})) == []


def test_the_release_that_reads_an_old_name_may_have_it() -> None:
    """Graceful shutdown reads exactly this name (tokenizer_manager.py)."""
    for version in SUPPORTED:
        assert list(replaced(engine(version), {"SGL_FORCE_SHUTDOWN": "1"})) == []
