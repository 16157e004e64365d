"""The environment that the program sets, against the variables that each release reads."""

from __future__ import annotations

import pytest

from components.facts.engines import SUPPORTED, engine
from components.serving.engine.environment import CACHE, environment
from components.serving.engine.variables import misread, replaced, unknown
from components.serving.pods.template import pod_template
from tests.unit.serving.builders import plan


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


def test_what_is_compiled_is_kept_where_the_node_s_disk_is_mounted() -> None:
    folders = {"TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "SGLANG_DG_CACHE_DIR"}
    variables = environment(several_nodes=True, efa=True, offline=True, extra={})
    assert {name for name, value in variables.items() if value.startswith(f"{CACHE}/")} == folders
    pod = pod_template(plan().front, leader=True, service_account="engine", claim_name="weights", key_secret=None)
    (mount,) = [each for each in pod["spec"]["containers"][0]["volumeMounts"] if each["mountPath"] == CACHE]
    (volume,) = [each for each in pod["spec"]["volumes"] if each["name"] == mount["name"]]
    assert volume["hostPath"]["path"].startswith("/mnt/k8s-disks/0/")
