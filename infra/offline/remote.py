"""Components that a provider plugin makes in the real engine: what the program can read of them here.

`eks:index:Cluster` answers with references to the resources that it makes, so that `cluster.eks_cluster.name` resolves:
known where the setting is known, unknown in a preview where only AWS can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from infra.offline import fakes
from infra.offline.recording import Recorded, Unknown
from infra.offline.values import reference, wire

if TYPE_CHECKING:
    from infra.offline.monitor import Monitor

_CLUSTER = "aws:eks/cluster:Cluster"


def eks_cluster(monitor: Monitor, component: Recorded) -> Mapping[str, Any]:
    """The outputs of `eks.Cluster` that the program may use; registers its children."""
    name = component.name
    inputs = {key: component.inputs[key] for key in ("name", "version", "tags") if key in component.inputs}
    cluster = _child(monitor, component, _CLUSTER, f"{name}-eksCluster", inputs)
    known = fakes.eks_cluster(f"{name}-eksCluster", inputs, monitor.region)
    kubeconfig = {"apiVersion": "v1", "clusters": [{"cluster": {"server": known["endpoint"]}}]}
    unknown = Unknown(name)
    return {
        "eksCluster": cluster,
        "core": {"cluster": cluster, "vpcId": unknown, "endpoint": unknown, "subnetIds": unknown},
        "kubeconfig": unknown if monitor.preview else kubeconfig,
        "clusterSecurityGroupId": unknown if monitor.preview else known["vpcConfig"]["clusterSecurityGroupId"],
    }


def _child(monitor: Monitor, component: Recorded, type: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, str]:
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
        made_by=component.type.split(":")[0],
    )
    state = dict(inputs) if monitor.preview else {**inputs, **fakes.outputs(type, name, inputs, monitor.region)}
    identifier = "" if monitor.preview else fakes.identifier(type, name, inputs)
    monitor.add(made, identifier, wire(state))
    return reference(urn, identifier)


REMOTE: dict[str, Callable[[Monitor, Recorded], Mapping[str, Any]]] = {"eks:index:Cluster": eks_cluster}
