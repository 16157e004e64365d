"""What the charts would bring into the cluster: CustomResourceDefinitions and the LeaderWorkerSet webhooks."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.client import Manifest, name_of
from tests.tools import source

SHARED = Path(__file__).parents[3] / "shared" / "crds"
"""A folder beside the repository with definitions of which no Go module has a current version."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The fast loader, which takes a lone `=` (an operator in the Prometheus operator's enumerations) for text."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_yaml_str)

SHARED_GROUPS = ("leaderworkerset.x-k8s.io", "disaggregatedset.x-k8s.io", "nvidia.com", "elbv2.k8s.aws")
MODULE_FOLDERS = {
    "lws": "config/crd/bases",
    "keda": "config/crd/bases",
    "prometheus-operator": "example/prometheus-operator-crd",
}


@cache
def custom_resource_definitions() -> tuple[Manifest, ...]:
    """Every definition that the program's charts install, by name; the newer one where there are two.

    Without `../shared` the GPU operator's and the load balancer controller's are missing and LeaderWorkerSet is 0.9.
    """
    files = [file for name, folder in MODULE_FOLDERS.items() for file in sorted((module(name) / folder).glob("*.yaml"))]
    files += [file for group in SHARED_GROUPS for file in sorted(SHARED.glob(f"{group}_*.yaml"))]
    found = {name_of(each): each for file in files for each in _documents(file)}
    return tuple(found[name] for name in sorted(found))


def kwok_stages() -> str:
    """How simulated kubelets behave (kwok's own stages): nodes and pods get ready at once, Jobs complete."""
    stages = module("kwok") / "kustomize" / "stage"
    names = ("node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease")
    names += ("pod/fast/pod-ready", "pod/fast/pod-complete", "pod/fast/pod-delete")
    return "\n---\n".join((stages / f"{name}.yaml").read_text() for name in names)


def lws_webhooks(url: str, authority: Path) -> list[Manifest]:
    """The LeaderWorkerSet webhook configurations, pointed at `url` instead of the chart's Service."""
    bundle = b64encode(authority.read_bytes()).decode()
    configurations = _documents(module("lws") / "config" / "webhook" / "manifests.yaml")
    for configuration in configurations:
        configuration["metadata"]["name"] = f"lws-{name_of(configuration)}"
        configuration["webhooks"] = [_reachable(webhook, url, bundle) for webhook in configuration["webhooks"]]
    return configurations


def keda_webhooks(url: str, authority: Path) -> list[Manifest]:
    """KEDA's admission webhook for ScaledObjects, pointed at `url`. Here it must answer; KEDA's own configuration lets
    everything pass while it does not.
    """
    bundle = b64encode(authority.read_bytes()).decode()
    configurations = _documents(module("keda") / "config" / "webhooks" / "validation_webhooks.yaml")
    for configuration in configurations:
        configuration["webhooks"] = [
            {**_reachable(webhook, url, bundle), "failurePolicy": "Fail"}
            for webhook in configuration["webhooks"]
            if webhook["rules"][0]["resources"] == ["scaledobjects"]
        ]
    return configurations


def module(name: str) -> Path:
    """The folder of a pinned Go module's sources."""
    folder = source(name)
    if folder is None:
        raise FileNotFoundError(f"the sources of {name} cannot be had: no Go, or no module proxy")
    return folder


def _reachable(webhook: dict[str, Any], url: str, bundle: str) -> dict[str, Any]:
    path = webhook["clientConfig"]["service"]["path"]
    changed = {**webhook, "clientConfig": {"url": url + path, "caBundle": bundle}}
    if webhook["rules"][0]["resources"] == ["pods"]:
        # The chart patches this in, so that pods of others do not depend on the controller.
        selector = {"matchExpressions": [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}]}
        changed["objectSelector"] = selector
    return changed


def _documents(file: Path) -> list[Manifest]:
    return [document for document in yaml.load_all(file.read_text(), _Loader) if document]
