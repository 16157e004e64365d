"""The fact tables against data that nobody here wrote: parsers of the wheels, HyperPod's regions, EC2's snapshot."""

from __future__ import annotations

import gzip
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from components.facts.engines import SUPPORTED, engine, router_flags
from components.facts.instances import instances
from components.facts.regions import hyperpod_instance_types, hyperpod_regions
from tests.contract.shared import shared

NO_VALUE = {0}


def _rows(flags):
    """Flags as the dumped parsers have them, once each."""
    once = {id(flag): flag for flag in flags.values()}.values()
    return {
        flag.dest + flag.option: (list(flag.options), flag.action, flag.type, flag.choices, flag.default)
        for flag in once
    }


def _dumped(path):
    return {
        row["dest"] + row["flags"][0]: (
            row["flags"],
            row["action"],
            row["type"],
            tuple(row["choices"]) if row["choices"] is not None else None,
            row["default"],
        )
        for row in json.loads(shared(path).read_text())
    }


@pytest.mark.parametrize("version", SUPPORTED)
def test_flags_are_those_of_the_release(version):
    assert _rows(engine(version).flags) == _dumped(f"sglang/launch_server_v{version}.json")


def test_flags_are_those_of_the_router():
    assert _rows(router_flags()) == _dumped("sglang/launch_router_v0.3.2.json")


def test_flags_that_take_a_value_are_those_with_arguments():
    for version in SUPPORTED:
        for row in json.loads(shared(f"sglang/launch_server_v{version}.json").read_text()):
            flag = engine(version).flags[row["flags"][0]]
            if not flag.deprecated:
                assert flag.takes_value == (row["nargs"] not in NO_VALUE), (version, row["flags"])


def test_hyperpod_has_our_types_where_cfn_lint_says():
    listed = json.loads(shared("schemas/hyperpod-instance-types-by-region.json").read_text())
    theirs = {region: set(value["enum"]) for region, value in listed.items() if isinstance(value, dict)}
    assert set(hyperpod_regions()) == set(theirs)
    for region, types in theirs.items():
        assert hyperpod_instance_types(region) == {name for name in instances() if f"ml.{name}" in types}


@pytest.fixture(scope="module")
def snapshot():
    """EC2's DescribeInstanceTypes as moto 5.2.5 ships it; only the file is read, moto is not imported."""
    moto = find_spec("moto")
    if moto is None or not moto.submodule_search_locations:
        pytest.skip("moto is not installed")
    file = Path(moto.submodule_search_locations[0]) / "ec2/resources/instance_types.json.gz"
    return json.loads(gzip.decompress(file.read_bytes()))


def test_instances_are_as_ec2_describes_them(snapshot):
    for name, row in instances().items():
        theirs = snapshot[name]
        network = theirs["NetworkInfo"]
        gpus = theirs.get("GpuInfo", {}).get("Gpus", [])
        disks = theirs.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0)
        assert row.vcpu == theirs["VCpuInfo"]["DefaultVCpus"], name
        assert row.memory_gib == theirs["MemoryInfo"]["SizeInMiB"] / 1024, name
        assert row.gpus == sum(gpu["Count"] for gpu in gpus), name
        assert row.efa_interfaces == (network.get("EfaInfo") or {}).get("MaximumEfaInterfaces", 0), name
        assert row.ipv4_per_interface == network["Ipv4AddressesPerInterface"], name
        assert row.interfaces == network["NetworkCards"][0]["MaximumNetworkInterfaces"], name
        assert row.network_cards == network["MaximumNetworkCards"], name
        assert row.nvme_gb == disks, name
        assert row.architecture in theirs["ProcessorInfo"]["SupportedArchitectures"], name
        if row.gpu:
            assert row.gpu.memory_mib == pytest.approx(gpus[0]["MemoryInfo"]["SizeInMiB"], rel=0.01), name


def test_efa_interfaces_are_on_cards_that_take_them(snapshot):
    for name, row in instances().items():
        cards = snapshot[name]["NetworkInfo"]["NetworkCards"]
        for card in row.efa_cards:
            types = cards[card].get("InterfaceTypes")
            assert types is None or "efa" in types, (name, card)
