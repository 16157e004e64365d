"""What can go wrong around the engine: each time a clear message, and a state that is whole."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.engine.stack import EngineStack


def test_a_wrong_passphrase_is_named(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    before = stack.state_file.read_text()
    stack.environment["PULUMI_CONFIG_PASSPHRASE"] = "guessed"
    refused = stack.up()
    assert "incorrect passphrase" in refused.output
    assert stack.state_file.read_text() == before


def test_settings_with_faults_are_all_told_before_anything_is_made(shipped: Callable[[str], EngineStack]):
    stack = shipped("dev")
    stack.set("models[0].parallelism.tensor", 3)
    stack.set("systemPool.nodes", "many")
    refused = stack.up()
    assert not refused.ok
    assert "models[0].parallelism" in refused.errors()
    assert "systemPool.nodes" in refused.errors()
    assert stack.world.journal() == []


def test_a_stack_without_settings_says_what_is_missing(shipped: Callable[[str], EngineStack]):
    stack = shipped("dev")
    stack.config["config"] = {}
    refused = stack.up()
    assert not refused.ok
    for section in ("region", "cluster", "nodePools", "models"):
        assert f"{section}: is missing" in refused.errors()
    assert stack.world.journal() == []


def test_a_locked_state_is_refused_until_the_lock_is_cancelled(clone: Callable[[str], EngineStack]):
    stack = clone("dev")
    lock = stack.folder / "state" / ".pulumi" / "locks" / "organization" / "sglang-hyperpod" / stack.name
    lock.mkdir(parents=True, exist_ok=True)
    (lock / "someone.json").write_text(json.dumps({"pid": 1, "username": "someone", "hostname": "elsewhere"}))
    refused = stack.up()
    assert not refused.ok
    assert "the stack is currently locked by 1 lock(s)" in refused.output
    assert "pulumi cancel" in refused.output
    assert stack.run("cancel", "--yes", f"--stack={stack.name}").ok
    assert stack.preview("--expect-no-changes").ok


def test_a_plugin_that_dies_fails_its_resource_and_the_next_update_finishes(shipped: Callable[[str], EngineStack]):
    stack = shipped("dev")
    stack.world.plan_fault("network-vpc", kind="die")
    failed = stack.up()
    assert not failed.ok
    assert "network-vpc" in failed.output
    json.loads(stack.state_file.read_text())
    update = stack.up()
    assert update.ok, update.errors()


def test_a_killed_engine_leaves_a_lock_and_a_pending_operation_that_the_next_one_names(
    shipped: Callable[[str], EngineStack],
):
    stack = shipped("dev")
    stack.world.plan_fault("network-vpc", kind="kill")
    # One operation at a time: the local backend truncates the state before it writes it, and dies between for another.
    assert stack.up("--parallel=1").code < 0
    assert "pulumi cancel" in stack.up().output
    assert stack.run("cancel", "--yes", f"--stack={stack.name}").ok
    update = stack.up()
    assert "pending operations from previous deployment" in update.output
    assert "network-vpc, interrupted while creating" in update.output
