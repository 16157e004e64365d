"""A Kubernetes cluster that is a file: what an API server, its controllers and Helm refuse, without either of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from components.kube import quantities
from tests.engine.providers.base import Needs, RefusedError, Request
from tests.engine.providers.world import Thing, World, get_at, put_at

RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
HYPERPOD = "aws-native:sagemaker:Cluster"
LWS, DISAGGREGATED_SET = "LeaderWorkerSet", "DisaggregatedSet"
SET_LABEL = "disaggregatedset.x-k8s.io/name"
MANAGED = {"default", "kube-system", "kube-public", "kube-node-lease"}
"""Namespaces that every cluster has."""

CHART_GROUPS = {
    "lws": ["leaderworkerset.x-k8s.io", "disaggregatedset.x-k8s.io"],
    "keda": ["keda.sh"],
    "kube-prometheus-stack": ["monitoring.coreos.com"],
    "gpu-operator": ["nvidia.com"],
    "aws-load-balancer-controller": ["elbv2.k8s.aws"],
}
"""The API groups whose CRDs a chart installs."""

DEVICE_CHARTS = {"nvidia.com/gpu": "gpu-operator", "vpc.amazonaws.com/efa": "aws-efa-k8s-device-plugin"}
"""Who advertises a device: a pod that asks for it fits on no node before."""

MONITORS = "monitoring.coreos.com"
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
        needs = Needs(self._world, request.urn)
        self._reach(needs if request.old is None else None)
        if request.old is None:
            (self._before_release if request.type == RELEASE else self._before)(needs, request.inputs)
        elif thing := self._world.get(request.type, request.old.id):
            self._against_others(request, thing)

    def _against_others(self, request: Request, thing: Thing) -> None:
        """What another manager owns is left to it where its changes are ignored, and taken where force is asked for."""
        forced = get_at(request.inputs, "metadata.annotations") or {}
        for path, value in list(thing.others.items()):
            wanted = get_at(request.inputs, path)
            if wanted is None or wanted == value or path in request.ignored:
                continue
            if forced.get("pulumi.com/patchForce") != "true":
                raise RefusedError(f"conflict with another field manager on .{path}: it set {value}")
            self._world.give_up(thing, path)

    def delete(self, thing: Thing) -> None:
        """Raise RefusedError where something still needs the object, so that its deletion would hang."""
        self._reach(None)
        for reason in self._not_yet(thing):
            raise RefusedError(reason)

    def _reach(self, needs: Needs | None) -> None:
        kubeconfig = self._config().get("kubeconfig", "{}")
        config = json.loads(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
        servers = [entry["cluster"]["server"] for entry in config.get("clusters", [])]
        found = [cluster for cluster in self._world.things(CLUSTER) if cluster.outputs["endpoint"] in servers]
        reason = "connection refused: the cluster of the kubeconfig does not exist"
        if needs:
            needs(found, reason)
        elif not found:
            raise RefusedError(reason)

    def _before(self, needs: Needs, manifest: dict[str, Any]) -> None:
        metadata, kind = manifest["metadata"], manifest["kind"]
        namespace = metadata.get("namespace")
        self._before_name(needs, namespace)
        group = manifest["apiVersion"].rpartition("/")[0]
        if group not in BUILT_IN and (not group.endswith(".k8s.io") or group.endswith(".x-k8s.io")):
            charts = (release for release in self._releases() if group in CHART_GROUPS.get(_chart(release), ()))
            needs(charts, f"no matches for kind {kind} in version {manifest['apiVersion']}")
        if list(self._find(kind, namespace, metadata.get("name"))):
            raise RefusedError(f"{kind} {namespace}/{metadata.get('name')} is there already")
        if kind == "Ingress":
            controller = self._releases("aws-load-balancer-controller")
            needs(controller, "no controller would ever give the Ingress an address")
        if kind == "PersistentVolumeClaim" and manifest["spec"].get("volumeName") and not _skips_await(manifest):
            volume = manifest["spec"]["volumeName"]
            needs(self._find("PersistentVolume", None, volume), f"there is no volume {volume} to bind within 300 s")
        if kind == "ScaledObject":
            target = manifest["spec"]["scaleTargetRef"]
            scaled = self._scaled(target.get("kind", "Deployment"), namespace, target["name"])
            needs(scaled, f"there is no {target['name']} to scale")
        if (behind := (get_at(manifest, "spec.selector") or {}).get(SET_LABEL)) and kind == "Service":
            sets = list(self._find(DISAGGREGATED_SET, namespace, behind))
            needs(sets, f"no pod would ever stand behind Service {metadata['name']}")
            for pod in (pod for made in sets for pod in _pods(made.inputs)):
                self._before_start(needs, pod)
        for pod in _pods(manifest):
            self._before_pod(needs, manifest, pod)

    def _before_pod(self, needs: Needs, manifest: dict[str, Any], pod: dict[str, Any]) -> None:
        namespace = manifest["metadata"].get("namespace", "default")
        for kind, name in _references(pod):
            scope = None if kind == "PriorityClass" else namespace
            needs(self._find(kind, scope, name), f"its pods would wait for {kind} {name}")
        awaited = manifest["kind"] not in (LWS, DISAGGREGATED_SET) or "pulumi.com/waitFor" in manifest["metadata"].get(
            "annotations", {}
        )
        if awaited and not _skips_await(manifest):
            self._before_start(needs, pod)

    def _before_start(self, needs: Needs, pod: dict[str, Any]) -> None:
        for container in pod.get("containers", []):
            for device in sorted({*container.get("resources", {}).get("limits", {})} & {*DEVICE_CHARTS}):
                needs(self._releases(DEVICE_CHARTS[device]), f"no node advertises {device} yet")
        selector = {key: value for key, value in pod.get("nodeSelector", {}).items() if "nvidia.com/" not in key}
        nodes = [thing for thing, labels in self._nodes() if selector.items() <= labels.items()]
        needs(nodes, f"there is no node with {selector}")

    def _scaled(self, kind: str, namespace: str | None, name: str) -> Iterator[Thing]:
        """What has a scale: an object of the kind, or the set whose controller makes it for a role."""
        if kind != "DisaggregatedSetRoleScaler":
            yield from self._find(kind, namespace, name)
            return
        for made in self._find(DISAGGREGATED_SET, namespace, name.rpartition("-")[0]):
            roles = {role["name"]: role["scaling"]["mode"] for role in made.inputs["spec"]["roles"]}
            if roles.get(name.rpartition("-")[2]) == "External":
                yield made

    def _before_release(self, needs: Needs, inputs: dict[str, Any]) -> None:
        self._before_name(needs, inputs.get("namespace"))
        if not inputs.get("skipAwait"):
            needs((thing for thing, _ in self._nodes()), "the pods of the chart would wait for a node")
        own = CHART_GROUPS.get(inputs["chart"].rsplit("/", 1)[-1], ())
        if _enables_monitors(inputs.get("values", {})) and MONITORS not in own:
            charts = (release for release in self._releases() if MONITORS in CHART_GROUPS.get(_chart(release), ()))
            needs(charts, "the chart makes a ServiceMonitor or PodMonitor, of which there is no CRD yet")

    def _before_name(self, needs: Needs, namespace: str | None) -> None:
        if namespace and namespace not in MANAGED:
            needs(self._find("Namespace", None, namespace), f'namespaces "{namespace}" not found')

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

    def _find(self, kind: str, namespace: str | None, name: str | None) -> Iterator[Thing]:
        return (thing for thing in self._objects() if _key(thing) == (kind, namespace, name))

    def _objects(self) -> Iterator[Thing]:
        return (t for t in self._world.things() if t.type.startswith("kubernetes:") and t.type != RELEASE)

    def _releases(self, chart: str | None = None) -> Iterator[Thing]:
        return (release for release in self._world.things(RELEASE) if chart in (None, _chart(release)))

    def _nodes(self) -> Iterator[tuple[Thing, dict[str, str]]]:
        """What makes nodes, with the labels that they have."""
        for group in self._world.things(NODE_GROUP):
            types = group.inputs.get("instanceTypes", [])
            yield (
                group,
                {
                    **group.inputs.get("labels", {}),
                    **({"node.kubernetes.io/instance-type": types[0]} if types else {}),
                    "eks.amazonaws.com/nodegroup": group.inputs.get("nodeGroupName", ""),
                },
            )
        for cluster in self._world.things(HYPERPOD):
            for group in cluster.inputs.get("instanceGroups", []):
                yield (
                    cluster,
                    {
                        "sagemaker.amazonaws.com/compute-type": "hyperpod",
                        "sagemaker.amazonaws.com/node-health-status": "Schedulable",
                        "sagemaker.amazonaws.com/instance-group-name": group["instanceGroupName"],
                        "node.kubernetes.io/instance-type": group["instanceType"],
                        **group.get("kubernetesConfig", {}).get("labels", {}),
                    },
                )


def _chart(release: Thing) -> str:
    return release.inputs["chart"].rsplit("/", 1)[-1]


def _key(thing: Thing) -> tuple[str, str | None, str]:
    metadata = thing.inputs.get("metadata", {})
    return thing.inputs.get("kind", ""), metadata.get("namespace"), metadata.get("name", "")


def _skips_await(manifest: dict[str, Any]) -> bool:
    return manifest["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true"


def _pods(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pod specs within a workload."""
    templates = [get_at(manifest, "spec.template"), get_at(manifest, "spec.jobTemplate.spec.template")]
    for workload in (manifest, *(get_at(manifest, "spec.roles") or ())):
        groups = get_at(workload, "spec.leaderWorkerTemplate") or {}
        templates += [groups.get("leaderTemplate"), groups.get("workerTemplate")]
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
