"""What a comparison says of each kind of change."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from infra.diff.compare import Change, Comparison, Kind, compare, comparison_json
from infra.diff.values import changes, shown
from tests.unit.diff.previews import (
    CONFIG_MAP,
    EKS,
    EKS_COMPONENT,
    HYPERPOD,
    KUBERNETES,
    LUSTRE,
    RANKS,
    SETS,
    SUBNET,
    VPC,
    preview,
    resource,
    unknown,
    urn,
)


def between(before: Any, after: Any) -> Comparison:
    return compare(preview(*before), preview(*after))


def only(comparison: Comparison) -> Change:
    (change,) = comparison.changes
    return change


def test_the_same_preview_has_no_changes() -> None:
    same = [resource(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})]
    found = between(same, same)
    assert found.nothing
    assert found.unchanged == 1


def test_an_added_and_a_removed_resource() -> None:
    found = between([resource(VPC, "old", {"a": 1})], [resource(VPC, "new", {"a": 1})])
    assert [(change.kind, change.name) for change in found.changes] == [(Kind.ADDED, "new"), (Kind.REMOVED, "old")]


def test_a_renamed_resource_with_an_alias_is_the_same_one() -> None:
    old = resource(VPC, "old", {"a": 1})
    for alias in (old["urn"], "name=old"):
        assert between([old], [resource(VPC, "new", {"a": 1}, aliases=[alias])]).nothing


def test_a_change_names_its_paths_with_both_values() -> None:
    before = resource(RANKS, "serve", {"spec": {"replicas": 1, "size": 2, "same": [1, 2]}})
    after = resource(RANKS, "serve", {"spec": {"replicas": 2, "size": 2, "same": [1, 2], "new": "x"}})
    change = only(between([before], [after]))
    assert change.kind is Kind.CHANGED
    assert [str(path) for path in change.paths] == ["spec.replicas: 1 -> 2", "spec.new: none -> x"]


def test_elements_of_a_list_go_by_their_name() -> None:
    before = [{"name": "b", "value": "1"}, {"name": "c", "value": "2"}]
    after = [{"name": "a", "value": "0"}, {"name": "c", "value": "2"}, {"name": "b", "value": "9"}]
    assert [str(change) for change in changes({"env": before}, {"env": after})] == [
        "env[b].value: 1 -> 9",
        'env[a]: none -> {"name": "a", "value": "0"}',
    ]


def test_arguments_show_what_went_and_what_came() -> None:
    before, after = ["--tp-size", "4", "--context-length", "32768"], ["--tp-size", "4", "--context-length", "65536"]
    assert [str(change) for change in changes({"args": before}, {"args": after})] == ["args: 32768 -> 65536"]
    assert [str(change) for change in changes({"args": ["a", "b"]}, {"args": ["b", "a"]})] == [
        "args: another order -> another order"
    ]


def test_values_are_shown_in_one_short_line() -> None:
    assert shown(unknown("vpc.id")) == "<vpc.id>"
    assert shown(unknown("")) == "<unknown>"
    assert shown({"$secret": True}) == "<secret>"
    assert shown("a\nb") == "text of 2 lines"
    assert len(shown("x" * 1000)) <= 48


def test_ignored_properties_do_not_change() -> None:
    before = resource(RANKS, "serve", {"spec": {"replicas": 1}})
    after = resource(RANKS, "serve", {"spec": {"replicas": 2}}, ignore_changes=["spec.replicas"])
    assert between([before], [after]).nothing


def test_a_property_of_the_table_replaces() -> None:
    before, after = (
        resource(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"}),
        resource(VPC, "vpc", {"cidrBlock": "10.1.0.0/16"}),
    )
    change = only(between([before], [after]))
    assert change.kind is Kind.REPLACED
    assert change.because == ("cidrBlock",)


def test_what_depends_on_a_replaced_resource_by_a_replacing_property_is_replaced_too() -> None:
    def stack(cidr: str) -> list[dict[str, Any]]:
        vpc = resource(VPC, "vpc", {"cidrBlock": cidr})
        subnet = resource(SUBNET, "subnet", {"vpcId": unknown("vpc.id")}, made_from={"vpcId": [vpc["urn"]]})
        lustre = resource(
            LUSTRE, "weights", {"subnetIds": unknown("subnet.id")}, made_from={"subnetIds": [subnet["urn"]]}
        )
        group = resource(
            "aws:ec2/launchTemplate:LaunchTemplate",
            "template",
            {"networkInterfaces": [{"subnetId": unknown("subnet.id")}]},
            made_from={"networkInterfaces": [subnet["urn"]]},
        )
        return [vpc, subnet, lustre, group]

    found = between(stack("10.0.0.0/16"), stack("10.1.0.0/16"))
    assert [(change.name, change.cause) for change in found.of(Kind.REPLACED)] == [
        ("vpc", ""),
        ("subnet", "vpc"),
        ("weights", "subnet"),
    ]
    (template,) = found.of(Kind.CHANGED)
    assert str(template.paths[0]) == "networkInterfaces: of the old one -> of the new one"


def test_an_added_replace_on_changes_replaces() -> None:
    before, after = ({"spec": {"template": {"image": image}}} for image in ("a", "b"))
    change = only(
        between(
            [resource(RANKS, "serve", before)], [resource(RANKS, "serve", after, replace_on_changes=["spec.template"])]
        )
    )
    assert (change.kind, change.because) == (Kind.REPLACED, ("spec.template",))


@pytest.mark.parametrize(("mutable", "kind"), [("true", Kind.CHANGED), (None, Kind.REPLACED)])
def test_config_maps_change_in_place_where_the_provider_lets_them(mutable: str | None, kind: Kind) -> None:
    provider = resource(KUBERNETES, "kube", {"enableConfigMapMutable": mutable, "clusterIdentifier": "x"})
    before, after = (
        resource(CONFIG_MAP, "script", {"data": {"a": text}}, provider=provider["urn"]) for text in ("1", "2")
    )
    assert only(between([provider, before], [provider, after])).kind is kind


def test_another_region_replaces_everything_made_there() -> None:
    def stack(region: str) -> list[dict[str, Any]]:
        provider = resource("pulumi:providers:aws", "aws", {"region": region})
        return [provider, resource("aws:ec2/eip:Eip", "address", {"tags": {}}, provider=provider["urn"])]

    found = between(stack("us-east-1"), stack("us-west-2")).of(Kind.REPLACED)
    assert [(change.name, change.cause) for change in found] == [("aws", ""), ("address", "aws")]


def test_a_kubernetes_provider_goes_by_its_cluster_identifier_alone() -> None:
    def stack(identifier: str, config: str) -> list[dict[str, Any]]:
        return [resource(KUBERNETES, "kube", {"clusterIdentifier": identifier, "kubeconfig": config})]

    assert only(between(stack("a", "1"), stack("a", "2"))).kind is Kind.CHANGED
    assert only(between(stack("a", "1"), stack("b", "1"))).kind is Kind.REPLACED


@pytest.mark.parametrize(
    ("field", "kind"), [("encryptionConfigKeyArn", Kind.REPLACED), ("endpointPublicAccess", Kind.CHANGED)]
)
def test_inputs_of_the_eks_component_replace_the_cluster_that_it_makes(field: str, kind: Kind) -> None:
    def stack(value: str) -> list[dict[str, Any]]:
        component = resource(EKS_COMPONENT, "cluster", {field: value}, component=True)
        return [component, resource(EKS, "cluster-eksCluster", {"name": "x"}, parent=component["urn"], made_by="eks")]

    found = between(stack("old"), stack("new"))
    assert [change.name for change in found.of(Kind.REPLACED)] == (
        ["cluster-eksCluster"] if kind is Kind.REPLACED else []
    )
    assert [change.name for change in found.of(Kind.CHANGED)] == ["cluster"]


def test_a_file_system_that_shrinks_is_replaced_and_one_that_grows_is_not() -> None:
    small, large = (resource(LUSTRE, "weights", {"storageCapacity": size}) for size in (1200, 2400))
    assert only(between([small], [large])).kind is Kind.CHANGED
    shrunk = only(between([large], [small]))
    assert (shrunk.kind, shrunk.because) == (Kind.REPLACED, ("storageCapacity",))
    assert shrunk.loss == "it holds the weights, and hours of fetching them"


def test_protection_that_is_given_up_is_a_change() -> None:
    guarded, loose = resource(LUSTRE, "w", {"a": 1}, protect=True), resource(LUSTRE, "w", {"a": 1})
    assert [str(path) for path in only(between([guarded], [loose])).paths] == ["protect: true -> false"]


@pytest.mark.parametrize(("efa", "refused"), [(True, True), (False, False)])
def test_throughput_of_a_file_system_with_efa_cannot_change_and_the_way_is_named(efa: bool, refused: bool) -> None:
    before, after = (
        resource(LUSTRE, "weights", {"efaEnabled": efa, "perUnitStorageThroughput": throughput})
        for throughput in (500, 1000)
    )
    found = between([before], [after]).refusals
    assert len(found) == refused
    if refused:
        assert "weights.perUnitStorageThroughput: 500 to 1000 MB/s per TiB: FSx changes no throughput" in str(found[0])
        assert "make a new file system beside it" in found[0].way


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("1.33", "1.34", None),
        ("1.34", "1.34", None),
        ("1.33", "1.35", "EKS goes up one minor version at a time"),
        ("1.34", "1.33", "EKS does not go back"),
    ],
)
def test_kubernetes_goes_up_by_one(before: str, after: str, message: str | None) -> None:
    found = between(
        [resource(EKS_COMPONENT, "cluster", {"version": before})],
        [resource(EKS_COMPONENT, "cluster", {"version": after})],
    ).refusals
    assert [message in one.message for one in found if message] == ([True] if message else [])
    assert bool(found) is bool(message)


def group(name: str, type: str, nodes: int) -> dict[str, Any]:
    return {"instanceGroupName": name, "instanceType": type, "instanceCount": nodes}


def test_an_instance_group_keeps_its_type() -> None:
    before = resource(HYPERPOD, "hyperpod", {"instanceGroups": [group("p5", "ml.p5.48xlarge", 2)]})
    other = resource(HYPERPOD, "hyperpod", {"instanceGroups": [group("p5", "ml.p5en.48xlarge", 2)]})
    more = resource(
        HYPERPOD,
        "hyperpod",
        {"instanceGroups": [group("new", "ml.p5en.48xlarge", 1), group("p5", "ml.p5.48xlarge", 3)]},
    )
    assert [one.path for one in between([before], [other]).refusals] == ["instanceGroups[p5].instanceType"]
    grown = between([before], [more])
    assert grown.refusals == ()
    assert [path.path for path in only(grown).paths] == ["instanceGroups[p5].instanceCount", "instanceGroups[new]"]


@pytest.mark.parametrize("back", [False, True])
def test_phases_do_not_change_their_kind_under_way(back: bool) -> None:
    model: Any = {"parent": "urn:of:r1"}
    groups = [resource(RANKS, f"r1-{role}", {"metadata": {"name": f"r1-{role}"}}, **model) for role in ("a", "b")]
    others = [resource(RANKS, "other", {"metadata": {"name": "other"}}, parent="urn:of:other")]
    sets = [resource(SETS, "r1-set", {"metadata": {"name": "r1"}}, **model)]
    before, after = (sets, groups) if back else (groups, sets)
    (refusal,) = between([*before, *others], [*after, *others]).refusals
    assert (refusal.resource, refusal.path) == ("r1-set", "kind")
    assert refusal.message.startswith("r1-a and r1-b and one DisaggregatedSet cannot take each other's place")
    assert "under another name" in refusal.way
    assert between(others, [*others, *after]).refusals == ()


def test_cost_is_compared_by_line_and_unknown_prices_stay_out_of_the_sum() -> None:
    found = compare(preview(gpus=9.2, nat=0.1, fsx=None), preview(gpus=18.4, nat=0.1, fsx=None, cpu=1.0)).cost
    assert found.lines == (("gpus", 9.2, 18.4), ("cpu", None, 1.0))
    assert found.difference == pytest.approx(10.2)


def test_warnings_come_and_go() -> None:
    old, new = ({"rule": rule, "path": "a", "message": "m", "severity": "warning"} for rule in ("old", "new"))
    found = compare(preview(warnings=[old]), preview(warnings=[new]))
    assert [warning["rule"] for warning in found.warnings_added] == ["new"]
    assert [warning["rule"] for warning in found.warnings_removed] == ["old"]


def test_a_comparison_is_json() -> None:
    found = between([resource(VPC, "vpc", {"cidrBlock": "a"})], [resource(VPC, "vpc", {"cidrBlock": "b"})])
    written = json.loads(json.dumps(comparison_json(found)))
    assert written["resources"][0]["kind"] == "replaced"
    assert written["resources"][0]["because"] == ["cidrBlock"]
    assert written["resources"][0]["urn"] == urn(VPC, "vpc")


def test_a_preview_of_an_older_schema_is_compared_as_far_as_it_goes() -> None:
    before = {"stack": "dev", "resources": [resource(VPC, "vpc", {"a": 1})]}
    found = compare(before, preview(resource(VPC, "vpc", {"a": 2}), gpus=1.0))
    assert only(found).kind is Kind.CHANGED
    assert found.cost.before == 0


def test_comparing_needs_no_pulumi() -> None:
    modules = ("compare", "markdown", "text", "base")
    blocked = "import sys; sys.modules.update({name: None for name in ('pulumi', 'pulumi_aws', 'pulumi_kubernetes')})"
    code = f"{blocked}; {'; '.join(f'import infra.diff.{module}' for module in modules)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
