"""The resource monitor of a recording: the engine's side of every registration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import resource_pb2

from infra.offline import fakes
from infra.offline.invokes import Question, answer
from infra.offline.recording import PROVIDER_PREFIX, STACK_TYPE, Recorded
from infra.offline.remote import REMOTE
from infra.offline.values import echo, plain, wire

_FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)
_HOOKS = (
    "before_create",
    "after_create",
    "before_update",
    "after_update",
    "before_delete",
    "after_delete",
    "on_error",
)


class RefusedRegistrationError(RuntimeError):
    """A registration that the real engine would refuse as well."""


class Monitor:
    """Answers the SDK in process and keeps what it is told.

    The method names are those of the service `pulumirpc.ResourceMonitor`.
    """

    def __init__(self, project: str, stack: str, config: Mapping[str, str], preview: bool) -> None:
        self.project = project
        self.stack = stack
        self.preview = preview
        self.region = _region(project, config)
        self.resources: list[Recorded] = []
        self.stack_outputs: dict[str, Any] = {}
        self._urns: set[str] = set()
        self._states: dict[str, tuple[str, struct_pb2.Struct]] = {}
        self._no_default_provider = frozenset(json.loads(config.get("pulumi:disable-default-providers", "[]")))

    def urn(self, parent: str, type: str, name: str) -> str:
        """The URN that the engine gives: the types of the parents, without the stack, then the resource's own."""
        parents = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type if parents == STACK_TYPE else f"{parents}${type}"
        return f"urn:pulumi:{self.stack}::{self.project}::{qualified}::{name}"

    def add(self, resource: Recorded, id: str, outputs: struct_pb2.Struct) -> None:
        """Keep a resource and its state. Raises `RefusedRegistrationError` where the URN is taken."""
        if resource.urn in self._urns:
            raise RefusedRegistrationError(
                f"two resources have the URN {resource.urn}: give the second {resource.type} another name than "
                f"{resource.name!r}"
            )
        self._urns.add(resource.urn)
        self._states[resource.urn] = (id, outputs)
        self.resources.append(resource)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:
        """Keep a resource; answer with its URN and, of its outputs, what is known."""
        urn = self.urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        self._check_provider(request)
        resource = _recorded(urn, request)
        outputs = echo(request.object)
        identifier = self._identifier(resource)
        if request.remote:
            self.add(resource, identifier, outputs)
            outputs.MergeFrom(wire(REMOTE[request.type](self, resource)) if request.type in REMOTE else wire({}))
        else:
            if not self.preview and request.custom:
                made_up = fakes.outputs(resource.type, resource.name, resource.inputs, self.region)
                outputs.MergeFrom(wire({key: value for key, value in made_up.items() if key not in outputs.fields}))
            self.add(resource, identifier, outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identifier, object=outputs)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:
        """Answer for a resource that exists already: the identifier is known, as are the properties given."""
        urn = self.urn(request.parent, request.type, request.name)
        outputs = echo(request.properties)
        self._states[urn] = (request.id, outputs)
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=outputs)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:
        """Keep what the stack exports; what components export is theirs."""
        if request.urn.split("::")[2] == STACK_TYPE:
            self.stack_outputs = plain(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:
        """Answer a look-up, or a reference's question for the state of its resource."""
        args = plain(request.args)
        if request.tok == "pulumi:pulumi:getResource":
            identifier, state = self._states[args["urn"]]
            result = struct_pb2.Struct()
            result.update({"urn": args["urn"], "id": identifier})
            result.fields["state"].struct_value.CopyFrom(state)
            return _found(result)
        found = answer(request.tok, Question(args, self.region, self.preview))
        if found is None:
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        return _found(wire(found))

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> Any:
        """What this monitor can do: transforms and unknown invokes behind dependencies are not among it."""
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> Any:
        """Accept a parameterised package."""
        return resource_pb2.RegisterPackageResponse(ref=f"{request.name}@{request.version}")

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> Any:
        """Nothing runs after the program."""
        return empty_pb2.Empty()

    def _identifier(self, resource: Recorded) -> str:
        if self.preview or resource.component:
            return ""
        return fakes.identifier(resource.type, resource.name, resource.inputs)

    def _check_provider(self, request: resource_pb2.RegisterResourceRequest) -> None:
        package = request.type.split(":")[0]
        disabled = package in self._no_default_provider or "*" in self._no_default_provider
        if disabled and request.custom and not request.provider and not request.type.startswith(PROVIDER_PREFIX):
            raise RefusedRegistrationError(
                f"{request.type} {request.name!r} has no provider, and the default provider of {package} is disabled "
                "(pulumi:disable-default-providers): pass the provider to it or to its parent"
            )


def _recorded(urn: str, request: resource_pb2.RegisterResourceRequest) -> Recorded:
    timeouts = request.customTimeouts
    properties = request.propertyDependencies
    return Recorded(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=_parent(request.parent),
        provider=request.provider.rsplit("::", 1)[0] or None,
        depends_on=tuple(sorted(request.dependencies)),
        property_dependencies={key: tuple(sorted(properties[key].urns)) for key in sorted(properties)},
        inputs=plain(request.object),
        component=not request.custom,
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        custom_timeouts={
            key: value for key in ("create", "update", "delete", "read") if (value := getattr(timeouts, key))
        },
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        deleted_with=request.deletedWith or None,
        aliases=tuple(_alias(alias) for alias in request.aliases),
        hooks=tuple(name for kind in _HOOKS for name in getattr(request.hooks, kind)),
    )


def _found(result: struct_pb2.Struct) -> resource_pb2.ResourceInvokeResponse:
    response = resource_pb2.ResourceInvokeResponse()
    getattr(response, "return").CopyFrom(result)
    return response


def _parent(urn: str) -> str | None:
    return urn if urn and urn.split("::")[2] != STACK_TYPE else None


def _alias(alias: Any) -> str:
    if alias.urn:
        return alias.urn
    spec = alias.spec
    given = {"name": spec.name, "type": spec.type, "stack": spec.stack, "project": spec.project}
    parts = [f"{key}={value}" for key, value in given.items() if value]
    if spec.WhichOneof("parent") == "noParent" and spec.noParent:
        parts.append("no parent")
    elif spec.parentUrn:
        parts.append(f"parent={spec.parentUrn}")
    return ", ".join(parts)


def _region(project: str, config: Mapping[str, str]) -> str:
    return config.get(f"{project}:region") or config.get("aws:region") or "us-east-1"
