"""The played stack as a whole: time passes under conditions, and every exporter has what it would have."""

from __future__ import annotations

import math

from components.facts.engines import DEFAULT
from tests.behaviour.world.conditions import LOAD
from tests.behaviour.world.engines import EnginePod
from tests.behaviour.world.hardware import GpuNode
from tests.behaviour.world.kubernetes import Cluster
from tests.behaviour.world.layout import MODELS, PODS, SHARE, group_of_lost, router_labels, service_labels
from tests.behaviour.world.routers import Router
from tests.behaviour.world.shapes import dcgm_check, engine_check, other_check, router_check
from tests.behaviour.world.target import Target

MONITORING = "monitoring"


class World:
    """Two models with routers, their GPU nodes, and what watches them. `version` is the engines' release.

    `clock` (seconds since 1970) is where it begins. `step` lets time pass; `targets` is what Prometheus then finds.
    """

    def __init__(self, *, version: str = DEFAULT, clock: float = 1_767_225_600.0) -> None:
        self.clock = clock
        self.conditions = LOAD
        engine, dcgm, other, router = engine_check(version), dcgm_check(), other_check(), router_check()
        self.engines = [EnginePod(pod, Target(pod.labels(version), check=engine)) for pod in PODS]
        self.routers = [
            Router(model, Target(router_labels(model, 2 * number), check=router)) for number, model in enumerate(MODELS)
        ]
        self.nodes = [
            GpuNode(
                pod,
                Target(_service("nvidia-dcgm-exporter", "gpu-operator", pod.number, 9400), check=dcgm),
                Target(_service("node-exporter", "node-exporter", pod.number, 9100), check=other),
            )
            for pod in PODS
        ]
        kubelet = service_labels("kubelet", "kube-system", "", "10.0.0.5:10250", node="ip-10-0-0-5.ec2.internal")
        self.cluster = Cluster(
            Target(_service("kube-state-metrics", MONITORING, 0, 8080), honor_labels=True, check=other),
            Target(kubelet, honor_labels=True, check=other),
            Target(_service("keda-operator", "keda", 0, 8080), check=other),
            Target(_service("lws-controller-manager", "lws-system", 0, 8443), check=other),
        )
        self.step(0.001)

    @property
    def targets(self) -> list[Target]:
        """What Prometheus knows of now; one that is `up` answers."""
        cluster = self.cluster
        every = [
            *(engine.target for engine in self.engines),
            *(router.target for router in self.routers),
            *(target for node in self.nodes for target in (node.dcgm, node.node)),
            *(cluster.state, cluster.kubelet, cluster.keda, cluster.lws),
        ]
        return [target for target in every if target.there]

    def step(self, seconds: float) -> None:
        """Let seconds pass under `conditions`."""
        self.clock += seconds
        now = self.conditions
        for engine in self.engines:
            pod = engine.pod
            away = now.node_lost and group_of_lost(pod)
            engine.target.there, engine.target.up = not away, now.scraped
            serving = {p.group for p in PODS if p.lws == pod.lws and not (now.node_lost and group_of_lost(p))}
            if away:
                engine.target.restart()
            else:
                requests = now.requests_per_second * SHARE[pod.model] * seconds
                engine.step(seconds, requests / len(serving), self._wave(pod.number), now)
        for router in self.routers:
            router.target.up = not now.router_down
            router.step(now.requests_per_second * SHARE[router.model] * seconds, self._wave(len(router.workers)), now)
        for node in self.nodes:
            node.node.up = node.dcgm.up = not (node.pod.lost and now.node_lost)
            node.step(seconds, self._wave(node.pod.number), now)
        self.cluster.step(seconds, self.clock, now)

    def _wave(self, number: int) -> float:
        """Ups and downs between -1 and 1, the same in each run."""
        return 0.6 * math.sin(self.clock / 140 + number * 1.7) + 0.4 * math.sin(self.clock / 47 + number)


def _service(name: str, namespace: str, number: int, port: int) -> dict[str, str]:
    return service_labels(name, namespace, f"{name}-{number:04d}x", f"10.0.2.{10 + number}:{port}")
