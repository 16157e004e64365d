"""A shipped stack as the program would make it: Kubernetes objects, charts, and the machines it asks AWS for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from components.facts.instances import Instance, instance
from components.monitoring.values import PROMETHEUS_URL
from infra.cli.source import Source
from infra.offline import Recording, record
from infra.plan import Plan, resolve
from infra.program import main
from infra.report.objects import RELEASE
from infra.settings import validate
from tests.cluster.client import Manifest
from tests.cluster.nodes import Machine
from tests.cluster.stand_ins import stand_ins

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "prod")
"""The shipped stacks, on which every test runs that does not say otherwise."""
APART = "disaggregated"
"""A stack of the tests' own, whose models have prefill and decode apart."""
SET = "disaggregated-set"
"""The same models, the phases of each made by one DisaggregatedSet."""
EVERY_STACK = (*STACKS, APART, SET)
FILES = {
    stack: (ROOT if stack in STACKS else ROOT / "tests" / "stacks") / f"Pulumi.{stack}.yaml" for stack in EVERY_STACK
}
"""Their files."""
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
HYPERPOD = "aws-native:sagemaker:Cluster"

_TAINT_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


@dataclass(frozen=True, slots=True)
class Program:
    """What the program registers for one stack.

    `objects` are in the order of registration. `machines` carry the labels and taints that the program asks AWS for and
    those that AWS adds, so that a selector which fits neither shows as a pending pod.
    """

    stack: str
    plan: Plan
    recording: Recording
    prometheus: str = PROMETHEUS_URL

    @property
    def objects(self) -> list[Manifest]:
        """Every Kubernetes object; a secret's value reads `<secret>`, and where all values are one, so does its key.
        `prometheus` is where Prometheus answers.
        """
        inputs = [each.inputs for each in self.recording.resources if {"apiVersion", "kind"} <= each.inputs.keys()]
        objects = json.loads(json.dumps(inputs).replace(PROMETHEUS_URL, self.prometheus))
        for manifest in objects:
            if isinstance(values := manifest.get("stringData"), str):
                manifest["stringData"] = {"secret": values}
        return objects

    @property
    def stand_ins(self) -> list[Manifest]:
        """What stands in for the workloads of the charts."""
        return [workload for release in self.recording.of_type(RELEASE) for workload in stand_ins(release.inputs)]

    @property
    def machines(self) -> list[Machine]:
        """The nodes of every node group and instance group."""
        makers = [made for type_ in (NODE_GROUP, HYPERPOD) for made in self.recording.of_type(type_)]
        return [machine for maker in makers for machine in self.machines_of(maker.name)]

    def machines_of(self, name: str) -> list[Machine]:
        """The nodes of one node group, or of all instance groups of a HyperPod cluster, by its logical name."""
        groups = [made.inputs for made in self.recording.of_type(NODE_GROUP) if made.name == name]
        clusters = [made.inputs for made in self.recording.of_type(HYPERPOD) if made.name == name]
        instance_groups = [group for cluster in clusters for group in cluster["instanceGroups"]]
        return [
            *(machine for group in groups for machine in self._node_group(group)),
            *(machine for group in instance_groups for machine in self._instance_group(group)),
        ]

    def _node_group(self, group: Mapping[str, Any]) -> Iterator[Machine]:
        name = group.get("nodeGroupName") or group["nodeGroupNamePrefix"].strip("-")
        kind = instance(group["instanceTypes"][0])
        given = {
            "eks.amazonaws.com/nodegroup": name,
            "eks.amazonaws.com/capacityType": group.get("capacityType", "ON_DEMAND"),
            "node.kubernetes.io/instance-type": kind.name,
        }
        taints = [{**taint, "effect": _TAINT_EFFECTS[taint["effect"]]} for taint in group.get("taints", [])]
        count = group["scalingConfig"]["desiredSize"]
        labels = {**group.get("labels", {}), **given}
        yield from self._machines(name, kind, kind.eks_max_pods, count, labels, taints)

    def _instance_group(self, group: Mapping[str, Any]) -> Iterator[Machine]:
        name, kind = group["instanceGroupName"], instance(group["instanceType"])
        asked = group.get("kubernetesConfig", {})
        given = {
            "sagemaker.amazonaws.com/instance-group-name": name,
            "sagemaker.amazonaws.com/cluster-name": self.plan.settings.cluster.name,
            "sagemaker.amazonaws.com/compute-type": "hyperpod",
            "sagemaker.amazonaws.com/node-health-status": "Schedulable",
            "node.kubernetes.io/instance-type": group["instanceType"],
        }
        labels = {**asked.get("labels", {}), **given}
        count = group["instanceCount"]
        yield from self._machines(name, kind, kind.hyperpod_max_pods, count, labels, asked.get("taints", []))

    def _machines(
        self,
        pool: str,
        kind: Instance,
        max_pods: int,
        count: int,
        labels: Mapping[str, str],
        taints: list[dict[str, str]],
    ) -> Iterator[Machine]:
        zones = self._zones(pool)
        for number in range(count):
            zone = zones[number % len(zones)]
            placed = {
                "topology.k8s.aws/zone-id": zone,
                "topology.kubernetes.io/zone": zone,
                "topology.kubernetes.io/region": self.plan.settings.region,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            }
            yield Machine(f"{pool}-{number}", pool, kind, max_pods, {**labels, **placed}, taints)

    def _zones(self, pool: str) -> list[str]:
        """A GPU pool has one zone; the system pool is spread over the network's."""
        of_pool = [planned.zone for planned in self.plan.pools if planned.name == pool]
        return of_pool or list(self.plan.settings.network.zones)


@cache
def program(stack: str) -> Program:
    """The program of a stack, recorded once."""
    return program_of(Source(FILES[stack], stack))


def program_of(source: Source) -> Program:
    """The program of any settings, recorded with outputs that look like AWS' own."""
    settings = validate(source.raw()).settings
    assert settings is not None, f"{source.path.name} has errors"
    config, secrets = source.engine_config()
    recording = record(main, stack=source.stack, config=config, secret_keys=secrets, preview=False)
    return Program(source.stack, resolve(settings), recording)
