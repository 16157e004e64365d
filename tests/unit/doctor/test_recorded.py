"""What is read off a real API server's answers."""

from __future__ import annotations

from components.rules import Severity
from infra.doctor.check import CHECKS, examine
from infra.doctor.reader import read
from tests.unit.doctor.clusters import NOW, answers, cluster, expected, told


def test_a_healthy_cluster_gives_nothing_above_advice() -> None:
    found = examine(expected(), cluster(), CHECKS)
    assert [str(one) for one in found.diagnoses if one.severity is not Severity.ADVICE] == []
    assert "groups.pending" in found.passed
    assert "platform.releases" in found.blind


def test_a_silent_kubelet_is_told_with_the_taint_that_frees_its_pods() -> None:
    (line,) = told(cluster("silent"), "nodes.not-ready")
    assert line.startswith("error node g6-0: its kubelet is silent")


def test_the_group_that_does_not_fit_is_told_with_the_scheduler_s_reason() -> None:
    (line,) = told(cluster("pending"), "groups.pending")
    assert line.startswith("error group 0 of qwen3-8b: does not fit: 1 of 2 pods has no node; pool g6 has 1 of 2 nodes")
    assert "its models need 2" in line
    assert "0/3 nodes are available: 1 Insufficient cpu" in line


def test_the_pool_that_lacks_a_node_its_models_need_is_an_error() -> None:
    assert told(cluster("pending"), "nodes.missing") == ["error pool g6: 1 node of 2; its models need 2"]


def test_groups_that_are_made_anew_are_counted_from_events() -> None:
    assert told(cluster(), "groups.recreated") == []
    (line,) = told(cluster("pending"), "groups.recreated")
    assert line.startswith("warning groups of qwen3-8b: made anew again and again: 5 events")


def test_only_reading_verbs_are_used() -> None:
    asked: list[tuple[str, ...]] = []
    read(answers("pending", asked), expected(), now=NOW)
    assert {command[1] for command in asked} <= {"get", "logs"}
    assert all(command[0] == "kubectl" and command[-1].startswith("--request-timeout=") for command in asked)
    content = [command for command in asked if "secrets" in command and "--output=json" in command]
    assert content == [], "no secret's content is asked for"
    assert not any(command[2].startswith("secret.") or command[2] == "secret" for command in asked)
