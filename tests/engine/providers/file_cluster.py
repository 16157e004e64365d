"""A Kubernetes cluster that is a file: what an API server, its controllers and Helm refuse, without either of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from components.kube import quantities
from tests.engine.providers.base import RefusedError, Request
from tests.engine.providers.world import Thing, World, get_at, put_at

RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
HYPERPOD = "aws-native:sagemaker:Cluster"
LWS = "LeaderWorkerSet"
MANAGED = {"default", "kube-system", "kube-public", "kube-node-lease"}
"""Namespaces that every cluster has."""

CHART_GROUPS = {
    "lws": ["leaderworkerset.x-k8s.io"],
    "keda": ["keda.sh"],
    "kube-prometheus-stack": ["monitoring.coreos.com"],
    "gpu-operator": ["nvidia.com"],
    "aws-load-balancer-controller": ["elbv2.k8s.aws"],
}
"""The API groups whose CRDs a chart installs."""

DEVICE_CHARTS = {"nvidia.com/gpu": "gpu-operator", "vpc.amazonaws.com/efa": "aws-efa-k8s-device-plugin"}
"""Who advertises a device: a pod that asks for it fits on no node before."""

BUILT_IN = ("", "apps", "batch", "policy", "autoscaling")


class FileCluster:
    """The objects in `world`. `config` gives the provider's configuration, which says what cluster is meant."""

    def __init__(self, world: World, config: Callable[[], dict[str, Any]]) -> None:
        self._world = world
        self._config = config

    def live(self, thing: Thing) -> dict[str, Any] | None:
        """The object with what other managers set; the LeaderWorkerSet webhook rewrites quantities in pod templates."""
        live = copy.deepcopy(thing.inputs)
        for path, value in thing.others.items():
            put_at(live, path, value)
        if thing.inputs.get("kind") == LWS:
            for container in _containers(live):
                for kind, amounts in container.get("resources", {}).items():
                    container["resources"][kind] = quantities(amounts)
        return live

    def apply(self, request: Request) -> None:
        """Raise RefusedError where the object cannot be, or would wait until its time-out."""
        for reason in self._unreachable():
            raise RefusedError(reason)
        if request.old is None:
            reasons = self._release_not_before(request.inputs) if request.type == RELEASE else self._not_before(request)
            for reason in reasons:
                raise RefusedError(reason)
        elif thing := self._world.get(request.type, request.old.id):
            for path, value in thing.others.items():
                wanted = get_at(request.inputs, path)
                if wanted is not None and wanted != value:
                    raise RefusedError(f"conflict with another field manager on .{path}: it set {value}")

    def delete(self, thing: Thing) -> None:
        """Raise RefusedError where something still needs the object, so that its deletion would hang."""
        for reason in [*self._unreachable(), *self._not_yet(thing)]:
            raise RefusedError(reason)

    def _unreachable(self) -> Iterator[str]:
        kubeconfig = self._config().get("kubeconfig", "{}")
        config = json.loads(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
        servers = [entry["cluster"]["server"] for entry in config.get("clusters", [])]
        if not any(cluster.outputs["endpoint"] in servers for cluster in self._world.things(CLUSTER)):
            yield "connection refused: the cluster of the kubeconfig does not exist"

    def _not_before(self, request: Request) -> Iterator[str]:
        manifest = request.inputs
        yield from self._no_namespace(manifest["metadata"].get("namespace"))
        group = manifest["apiVersion"].rpartition("/")[0]
        if (group not in BUILT_IN and not group.endswith(".k8s.io")) or group.endswith(".x-k8s.io"):
            installed = [one for chart in self._charts() for one in CHART_GROUPS.get(chart, [])]
            if group not in installed:
                yield f"no matches for kind {manifest['kind']} in version {manifest['apiVersion']}"
        name = (manifest["kind"], manifest["metadata"].get("namespace"), manifest["metadata"].get("name"))
        if any(_key(thing) == name for thing in self._objects()):
            yield f"{'/'.join(str(part) for part in name)} is there already"
        kind = manifest["kind"]
        if kind == "Ingress" and "aws-load-balancer-controller" not in self._charts():
            yield "no controller would ever give the Ingress an address"
        if kind == "PersistentVolumeClaim" and not _skips_await(manifest):
            volume = manifest["spec"].get("volumeName")
            if volume and not self._exists("PersistentVolume", None, volume):
                yield f"the claim would not be bound within 300 s: there is no volume {volume}"
        if kind == "ScaledObject":
            target = manifest["spec"]["scaleTargetRef"]
            if not self._exists(target.get("kind", "Deployment"), manifest["metadata"]["namespace"], target["name"]):
                yield f"there is no {target['name']} to scale"
        for pod in _pods(manifest):
            yield from self._pod_not_before(manifest, pod)

    def _pod_not_before(self, manifest: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
        namespace = manifest["metadata"].get("namespace", "default")
        for kind, name in _references(pod):
            scope = None if kind == "PriorityClass" else namespace
            if not self._exists(kind, scope, name):
                yield f"its pods would wait for {kind} {name}"
        awaited = manifest["kind"] != LWS or "pulumi.com/waitFor" in manifest["metadata"].get("annotations", {})
        if not awaited or _skips_await(manifest):
            return
        for container in pod.get("containers", []):
            for device in {*container.get("resources", {}).get("limits", {})} & {*DEVICE_CHARTS}:
                if DEVICE_CHARTS[device] not in self._charts():
                    yield f"no node advertises {device} yet"
        selector = {k: v for k, v in pod.get("nodeSelector", {}).items() if not k.startswith("nvidia.com/")}
        if not any(selector.items() <= labels.items() for labels in self._node_labels()):
            yield f"there is no node with {selector}"

    def _release_not_before(self, inputs: dict[str, Any]) -> Iterator[str]:
        yield from self._no_namespace(inputs.get("namespace"))
        if not inputs.get("skipAwait") and not list(self._node_labels()):
            yield "the pods of the chart would wait for a node"
        if _enables_monitors(inputs.get("values", {})) and "monitoring.coreos.com" not in self._groups(inputs):
            yield "the chart makes a ServiceMonitor or PodMonitor, of which there is no CRD yet"

    def _not_yet(self, thing: Thing) -> Iterator[str]:
        if thing.type == RELEASE:
            chart = _chart(thing)
            groups = CHART_GROUPS.get(chart, [])
            for other in self._objects():
                group = other.inputs["apiVersion"].rpartition("/")[0]
                if group in groups or (other.inputs["kind"] == "Ingress" and chart == "aws-load-balancer-controller"):
                    yield f"{other.name} has a finalizer that only {chart} can take off"
            return
        kind, namespace, name = _key(thing)
        for other in self._world.things():
            if not other.type.startswith("kubernetes:") or (other.type, other.id) == (thing.type, thing.id):
                continue
            at = other.inputs if other.type == RELEASE else other.inputs["metadata"]
            if kind == "Namespace" and at.get("namespace") == name:
                yield f"{other.name} is still in the namespace"
            if kind == "PersistentVolumeClaim" and at.get("namespace") == namespace:
                used = any((kind, name) in list(_references(pod)) for pod in _pods(other.inputs))
                yield from [f"{other.name} still uses the claim"] if used else []
            if kind == "PersistentVolume" and other.inputs.get("kind") == "PersistentVolumeClaim":
                yield from [f"{other.name} is bound to it"] if other.inputs["spec"].get("volumeName") == name else []

    def _no_namespace(self, namespace: str | None) -> Iterator[str]:
        if namespace and namespace not in MANAGED and not self._exists("Namespace", None, namespace):
            yield f'namespaces "{namespace}" not found'

    def _exists(self, kind: str, namespace: str | None, name: str) -> bool:
        return any(_key(thing) == (kind, namespace, name) for thing in self._objects())

    def _objects(self) -> Iterator[Thing]:
        return (t for t in self._world.things() if t.type.startswith("kubernetes:") and t.type != RELEASE)

    def _charts(self) -> set[str]:
        return {_chart(release) for release in self._world.things(RELEASE)}

    def _groups(self, inputs: dict[str, Any]) -> set[str]:
        charts = {*self._charts(), inputs["chart"].rsplit("/", 1)[-1]}
        return {group for chart in charts for group in CHART_GROUPS.get(chart, [])}

    def _node_labels(self) -> Iterator[dict[str, str]]:
        for group in self._world.things(NODE_GROUP):
            types = group.inputs.get("instanceTypes", [])
            yield {
                **group.inputs.get("labels", {}),
                **({"node.kubernetes.io/instance-type": types[0]} if types else {}),
                "eks.amazonaws.com/nodegroup": group.inputs.get("nodeGroupName", ""),
            }
        for cluster in self._world.things(HYPERPOD):
            for group in cluster.inputs.get("instanceGroups", []):
                yield {
                    "sagemaker.amazonaws.com/compute-type": "hyperpod",
                    "sagemaker.amazonaws.com/node-health-status": "Schedulable",
                    "sagemaker.amazonaws.com/instance-group-name": group["instanceGroupName"],
                    "node.kubernetes.io/instance-type": group["instanceType"],
                    **group.get("kubernetesConfig", {}).get("labels", {}),
                }


def _chart(release: Thing) -> str:
    return release.inputs["chart"].rsplit("/", 1)[-1]


def _key(thing: Thing) -> tuple[str, str | None, str]:
    metadata = thing.inputs.get("metadata", {})
    return thing.inputs.get("kind", ""), metadata.get("namespace"), metadata.get("name", "")


def _skips_await(manifest: dict[str, Any]) -> bool:
    return manifest["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true"


def _pods(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pod specs within a workload."""
    groups = get_at(manifest, "spec.leaderWorkerTemplate") or {}
    templates = [get_at(manifest, "spec.template"), groups.get("leaderTemplate"), groups.get("workerTemplate")]
    templates.append(get_at(manifest, "spec.jobTemplate.spec.template"))
    yield from (template["spec"] for template in templates if isinstance(template, dict) and "spec" in template)


def _containers(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for pod in _pods(manifest):
        yield from pod.get("containers", [])
        yield from pod.get("initContainers", [])


def _references(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the pods of a spec cannot start without: (kind, name)."""
    if pod.get("serviceAccountName", "default") != "default":
        yield "ServiceAccount", pod["serviceAccountName"]
    if pod.get("priorityClassName") and not pod["priorityClassName"].startswith("system-"):
        yield "PriorityClass", pod["priorityClassName"]
    for volume in pod.get("volumes", []):
        for source, kind, key in (
            ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
        ):
            if source in volume and not volume[source].get("optional"):
                yield kind, volume[source][key]
    for container in [*pod.get("containers", []), *pod.get("initContainers", [])]:
        sources = [variable.get("valueFrom", {}) for variable in container.get("env", [])]
        for source in [*sources, *container.get("envFrom", [])]:
            for key, kind in (
                ("secretKeyRef", "Secret"),
                ("secretRef", "Secret"),
                ("configMapKeyRef", "ConfigMap"),
                ("configMapRef", "ConfigMap"),
            ):
                if key in source and not source[key].get("optional"):
                    yield kind, source[key]["name"]


def _enables_monitors(values: Any) -> bool:
    if not isinstance(values, dict):
        return False
    for key, value in values.items():
        if key in ("serviceMonitor", "podMonitor") and isinstance(value, dict):
            if value.get("enabled") or value.get("create"):
                return True
        elif _enables_monitors(value):
            return True
    return False
