"""Components that a provider plugin makes in the real engine: what the program can read of them here.

`eks:index:Cluster` answers with references to the resources that it makes, so that `cluster.eks_cluster.name` resolves:
known where the setting is known, unknown in a preview where only AWS can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from google.protobuf import struct_pb2

from components.aws.eks.children import MADE_BY, children
from components.aws.eks.models import AuthenticationMode
from infra.offline import fakes
from infra.offline.recording import Recorded
from infra.offline.values import reference, wire

_CONTROL_PLANE = "aws:eks/cluster:Cluster"
_PASSED_ON = ("name", "version", "tags")
"""Settings that the component hands to the control plane as they are."""


class Registrar(Protocol):
    """Who keeps the resources that a component makes."""

    preview: bool
    region: str

    def urn(self, parent: str, type: str, name: str) -> str:
        """The URN that the engine gives."""
        ...

    def add(self, resource: Recorded, id: str, outputs: struct_pb2.Struct) -> None:
        """Keep a resource and its state."""
        ...


def eks_cluster(monitor: Registrar, component: Recorded) -> Mapping[str, Any]:
    """The outputs of `eks.Cluster` that the program may use; registers its children."""
    passed = {key: component.inputs[key] for key in _PASSED_ON if key in component.inputs}
    mode = AuthenticationMode(component.inputs.get("authenticationMode", AuthenticationMode.CONFIG_MAP))
    control_plane: Mapping[str, str] = {}
    for child in children(component.name, mode):
        if child.type == _CONTROL_PLANE:
            control_plane = _register(monitor, component, child.type, child.name, passed)
        else:
            _register(monitor, component, child.type, child.name, {})
    return {"eksCluster": control_plane} | ({} if monitor.preview else _computed(monitor, component, control_plane))


def _computed(monitor: Registrar, component: Recorded, control_plane: Mapping[str, str]) -> dict[str, Any]:
    """The outputs that a preview leaves out, whereby the SDK takes them for unknown."""
    made_up = fakes.eks_cluster(component.name, component.inputs, monitor.region)
    return {
        "core": {"cluster": control_plane, "endpoint": made_up["endpoint"]},
        "clusterSecurityGroupId": made_up["vpcConfig"]["clusterSecurityGroupId"],
        "kubeconfig": {"apiVersion": "v1", "clusters": [{"cluster": {"server": made_up["endpoint"]}}]},
    }


def _register(
    monitor: Registrar, component: Recorded, type: str, name: str, inputs: Mapping[str, Any]
) -> Mapping[str, str]:
    urn = monitor.urn(component.urn, type, name)
    made = Recorded(
        urn=urn,
        type=type,
        name=name,
        parent=component.urn,
        provider=None,
        depends_on=component.depends_on,
        property_dependencies={},
        inputs=dict(inputs),
        protect=component.protect,
        retain_on_delete=component.retain_on_delete,
        made_by=MADE_BY,
    )
    made_up = {} if monitor.preview else fakes.outputs(type, name, inputs, monitor.region)
    identifier = "" if monitor.preview else fakes.identifier(type, name, inputs)
    monitor.add(made, identifier, wire({**inputs, **made_up}))
    return reference(urn, identifier)


REMOTE: dict[str, Callable[[Registrar, Recorded], Mapping[str, Any]]] = {"eks:index:Cluster": eks_cluster}
