"""A new version of a model beside the old one: canary, promotion, blue and green, and the way back."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from infra.diff.compare import Comparison, Kind, compare
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.report.jsonable import preview_json
from infra.report.model import Preview
from infra.report.tables import tables_of
from infra.settings import load_stack_file, validate
from infra.stack import deploy

ROOT = Path(__file__).parents[3]
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
LWS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
ENTRY = {"host": "qwen.example.com"}
NEW_IMAGE = {"image": {"repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/sglang", "tag": "0.5.17-next"}}
DASHBOARDS = ("monitoring-sglang-overview", "monitoring-sglang-capacity")
"""Those that name each model: of its cost, and of its groups."""


@cache
def deployed(*shares: int, versions: int = 2, router: bool = False) -> tuple[Plan, Recording]:
    """The production stack's second model, and the next version of it that gets the second of `shares`."""
    raw = load_stack_file(ROOT / "Pulumi.prod.yaml")
    first, second = raw["models"]
    raw["nodePools"][1] = {**raw["nodePools"][1], "nodes": 4}
    base: dict[str, Any] = {**second, "name": "qwen", "servedName": "qwen", **({"router": {}} if router else {})}
    following = {**base, "name": "qwen-next", "engine": NEW_IMAGE}
    traffic = dict(zip(("qwen", "qwen-next"), shares, strict=True)) if shares else {}
    raw["models"] = [first, {**base, "entry": {**ENTRY, "traffic": traffic}}, *([following] if versions == 2 else [])]
    found = validate(raw)
    assert found.settings is not None, [str(error) for error in found.errors]
    plan = resolve(found.settings)
    return plan, record(lambda: deploy(plan.settings, plan, "prod"), stack="prod")


def difference(before: tuple[Plan, Recording], after: tuple[Plan, Recording]) -> Comparison:
    one, two = (json.loads(json.dumps(preview_json(Preview.of(*each)))) for each in (before, after))
    return compare(one, two)


def changed(found: Comparison) -> set[str]:
    return {f"{change.kind} {change.name}" for change in found.changes if change.kind is not Kind.ADDED}


def targets(recording: Recording) -> dict[str, int]:
    """Weights by Service, as the load balancer controller reads them."""
    annotations = recording.one(INGRESS).inputs["metadata"]["annotations"]
    action = json.loads(annotations["alb.ingress.kubernetes.io/actions.versions"])
    return {group["serviceName"]: group["weight"] for group in action["forwardConfig"]["targetGroups"]}


def test_a_canary_gets_its_share_through_the_one_entry() -> None:
    plan, recording = deployed(95, 5)
    assert targets(recording) == {"qwen-api": 95, "qwen-next-api": 5}
    ingress = recording.one(INGRESS)
    for version in ("qwen", "qwen-next"):
        assert recording.depends(ingress, recording.one(LWS, f"{version}-serve"))
        sources = str(recording.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", f"{version}-serve-api").inputs)
        assert all(cidr in sources for cidr in plan.network.internal_load_balancer_cidrs)


def test_routed_versions_are_split_between_their_routers() -> None:
    _, recording = deployed(95, 5, router=True)
    assert targets(recording) == {"qwen": 95, "qwen-next": 5}
    assert recording.one(INGRESS).inputs["metadata"]["namespace"] != "inference"


def test_a_canary_comes_beside_the_old_version_and_touches_nothing_of_it() -> None:
    found = difference(deployed(versions=1), deployed(95, 5))
    # The namespace admits the new image too, Grafana shows the new version, and the log shipper knows its pods.
    assert changed(found) == {
        f"changed {name}" for name in ("qwen-entry", "inference-policy", "logs-fluent-bit", *DASHBOARDS)
    }
    added = {change.name for change in found.of(Kind.ADDED)}
    assert "qwen-next-serve" in added
    assert not any("qwen-serve" in name for name in added)


def test_promotion_and_rollback_change_the_weights_alone() -> None:
    for before, after in (((95, 5), (0, 100)), ((0, 100), (100, 0))):
        found = difference(deployed(*before), deployed(*after))
        assert [change.name for change in found.changes] == ["qwen-entry"]
        assert {path.path for path in found.changes[0].paths} == {
            "metadata.annotations.alb.ingress.kubernetes.io/actions.versions"
        }


def test_taking_the_canary_away_leaves_the_old_version_as_it_was() -> None:
    found = difference(deployed(100, 0), deployed(versions=1))
    assert {change.name for change in found.of(Kind.CHANGED)} == {
        "qwen-entry",
        "inference-policy",
        "logs-fluent-bit",
        *DASHBOARDS,
    }
    assert found.of(Kind.REPLACED) == []
    assert all("qwen-next" in change.name for change in found.of(Kind.REMOVED))


def test_a_preview_shows_who_gets_how_much() -> None:
    plan, recording = deployed(95, 5)
    preview = Preview.of(plan, recording)
    (table,) = [table for table in tables_of(preview) if table.title == "Ways in"]
    assert table.rows == (("qwen.example.com", "internal", "HTTP", "qwen 95 %, qwen-next 5 %"),)
    entries = [model["entry"] for model in preview_json(preview)["plan"]["models"]]
    assert [entry and entry["traffic"] for entry in entries] == [None, {"qwen": 95, "qwen-next": 5}, None]
