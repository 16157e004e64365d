"""What every simulated provider does: check, compare, create, update, delete, read. Never sleeps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from tests.engine.providers import sdk
from tests.engine.providers.sdk import UNKNOWN
from tests.engine.providers.values import decode, differences, encode, hidden, matches, merged, projected, type_of
from tests.engine.providers.world import Thing, World

VERSION = "99.0.0"
"""Not below the version of any SDK, or the engine would warn at each operation."""


class RefusedError(Exception):
    """The simulated cloud does not do it; the message says why, as the engine prints it."""


@dataclass(slots=True)
class Plugin:
    """The plugin process that the engine started: how to end it, and the engine itself."""

    engine_pid: int
    end: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One operation on one resource, with plain values; `old` is the object as it exists, if it does. `ignored` are the
    paths of `ignore_changes`.
    """

    type: str
    urn: str
    inputs: dict[str, Any]
    preview: bool = False
    old: Thing | None = None
    ignored: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class Needs:
    """What an object needs before it can be created: what is missing is refused, what is found is noted.

    The notes let a test see whether the program orders it, or whether it was there by chance.
    """

    world: World
    urn: str

    def __call__(self, found: Iterable[Thing], reason: str) -> list[Thing]:
        """One of `found`, which are all returned. Raises RefusedError with the reason where there is none."""
        things = list(found)
        if not things:
            raise RefusedError(reason)
        self.world.note_need(self.urn, reason, [thing.urn for thing in things])
        return things


@dataclass(slots=True)
class Difference:
    """The paths that differ: `add`, `delete` or `update`, and those of them that need a replacement."""

    paths: dict[str, str] = field(default_factory=dict)
    replaces: list[str] = field(default_factory=list)
    delete_first: bool = False


class SimulatedProvider(ResourceProviderServicer):
    """The protocol. Subclasses say what is special about their cloud in the methods from `check` on."""

    def __init__(self, world: World, plugin: Plugin) -> None:
        self.world = world
        self.plugin = plugin
        self.config: dict[str, Any] = {}

    def faults(self, type: str, inputs: dict[str, Any]) -> list[sdk.Fault]:
        """The inputs that the SDK's types do not allow. Raises UnknownTypeError."""
        return sdk.resource_type(type).faults(inputs)

    def check(self, request: Request) -> dict[str, Any]:
        """The inputs as the provider keeps them, with what it adds, a generated name for instance."""
        return request.inputs

    def identify(self, request: Request) -> str:
        """The identifier of an object to be created. Raises RefusedError where its name is taken."""
        raise NotImplementedError

    def outputs(self, request: Request, id: str) -> dict[str, Any]:
        """The outputs that the inputs do not give. Made from the identifier alone, so that an update keeps them."""
        raise NotImplementedError

    def unsettled(self, request: Request, changed: list[str]) -> list[str]:
        """The outputs that an update of these paths makes unknown until it has happened."""
        return []

    def replaces(self, type: str) -> frozenset[str]:
        """The property paths of a type whose change needs another object, without indices."""
        raise NotImplementedError

    def carry_out(self, operation: str, request: Request) -> None:
        """Do what `create`, `update` or `delete` means beside keeping the object, or raise RefusedError."""

    def live(self, thing: Thing, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs as a refresh finds them, given those of the state."""
        return projected(thing.inputs, inputs)

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """The answer to a look-up. Raises RefusedError."""
        raise RefusedError(f"{token} is not simulated")

    async def Handshake(self, request: Any, context: Any) -> pb.ProviderHandshakeResponse:
        return pb.ProviderHandshakeResponse()

    async def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    async def GetSchema(self, request: Any, context: Any) -> pb.GetSchemaResponse:
        return pb.GetSchemaResponse(schema="{}")

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    async def CheckConfig(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        return pb.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: pb.DiffRequest, context: Any) -> pb.DiffResponse:
        return _diff_response(self.compare_config(decode(request.old_inputs), decode(request.news)))

    def compare_config(self, old: dict[str, Any], new: dict[str, Any]) -> Difference:
        """What a changed provider configuration means; by default the provider is updated."""
        return Difference(dict(differences(old, new)))

    async def Configure(self, request: pb.ConfigureRequest, context: Any) -> pb.ConfigureResponse:
        self.config = decode(request.args)
        return pb.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False)

    async def Check(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        inputs = decode(request.news)
        type_ = type_of(request.urn)
        try:
            faults = self.faults(type_, inputs)
        except sdk.UnknownTypeError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        if faults:
            return pb.CheckResponse(failures=[pb.CheckFailure(property=f.path, reason=f.reason) for f in faults])
        return pb.CheckResponse(inputs=encode(self.check(Request(type_, request.urn, inputs))))

    async def Diff(self, request: pb.DiffRequest, context: Any) -> pb.DiffResponse:
        type_ = type_of(request.urn)
        old = Thing(type_, request.id, request.urn, decode(request.old_inputs), decode(request.olds))
        return _diff_response(self.compare(old, decode(request.news), tuple(request.ignoreChanges)))

    def compare(self, old: Thing, new: dict[str, Any], ignored: tuple[str, ...] = ()) -> Difference:
        """What differs between the inputs in the state and the new ones; the engine took `ignored` from the old."""
        difference = Difference(dict(differences(old.inputs, new)))
        patterns = self.replaces(old.type)
        difference.replaces = [path for path in difference.paths if matches(path, patterns)]
        return difference

    async def Create(self, request: pb.CreateRequest, context: Any) -> pb.CreateResponse:
        asked = Request(type_of(request.urn), request.urn, decode(request.properties), request.preview)
        if asked.preview:
            unknown = hidden(self.outputs(asked, UNKNOWN))
            return pb.CreateResponse(properties=encode(merged(unknown, asked.inputs)))
        fault = await self._before("create", asked, context)
        id_ = self.identify(asked)
        outputs = merged(self.outputs(asked, id_), asked.inputs)
        self.world.put(Thing(asked.type, id_, asked.urn, asked.inputs, outputs), "create")
        self._after(fault)
        return pb.CreateResponse(id=id_, properties=encode(outputs))

    async def Update(self, request: pb.UpdateRequest, context: Any) -> pb.UpdateResponse:
        type_ = type_of(request.urn)
        news, old_inputs = decode(request.news), decode(request.old_inputs)
        old = Thing(type_, request.id, request.urn, old_inputs, decode(request.olds))
        asked = Request(type_, request.urn, news, request.preview, old, tuple(request.ignoreChanges))
        outputs = merged(self.outputs(asked, request.id), news)
        if request.preview:
            changed = [path for path, _ in differences(old_inputs, news)]
            outputs |= dict.fromkeys(self.unsettled(asked, changed), UNKNOWN)
            return pb.UpdateResponse(properties=encode(outputs))
        fault = await self._before("update", asked, context)
        thing = self.world.get(type_, request.id)
        if thing is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{asked.name}: {request.id} does not exist")
            raise RefusedError(request.id)
        thing.inputs, thing.outputs = news, outputs
        self.world.put(thing, "update")
        self._after(fault)
        return pb.UpdateResponse(properties=encode(outputs))

    async def Delete(self, request: pb.DeleteRequest, context: Any) -> empty_pb2.Empty:
        type_ = type_of(request.urn)
        thing = self.world.get(type_, request.id)
        if thing is not None:
            fault = await self._before("delete", Request(type_, request.urn, thing.inputs, old=thing), context)
            self.world.delete(thing)
            self._after(fault)
        return empty_pb2.Empty()

    async def Read(self, request: pb.ReadRequest, context: Any) -> pb.ReadResponse:
        thing = self.world.get(type_of(request.urn), request.id)
        if thing is None:
            return pb.ReadResponse()
        inputs = self.live(thing, decode(request.inputs))
        return pb.ReadResponse(id=thing.id, properties=encode(thing.outputs), inputs=encode(inputs))

    async def Invoke(self, request: pb.InvokeRequest, context: Any) -> pb.InvokeResponse:
        try:
            answer = self.invoke(request.tok, decode(request.args))
        except RefusedError as error:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
            raise
        response = pb.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(answer))  # a keyword of Python, so no attribute can be written
        return response

    async def _before(self, operation: str, request: Request, context: Any) -> str | None:
        fault = self.world.take_fault(request.name, operation)
        if fault == "die":
            self.plugin.end()
        if fault in ("fail", "die"):
            await context.abort(grpc.StatusCode.UNKNOWN, f"{request.name}: the cloud failed on demand")
        try:
            self.carry_out(operation, request)
        except RefusedError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.name}: {error}")
        return fault

    def _after(self, fault: str | None) -> None:
        if fault in ("interrupt", "kill"):
            os.kill(self.plugin.engine_pid, signal.SIGINT if fault == "interrupt" else signal.SIGKILL)


def _diff_response(difference: Difference) -> pb.DiffResponse:
    kinds = {"add": pb.PropertyDiff.ADD, "delete": pb.PropertyDiff.DELETE, "update": pb.PropertyDiff.UPDATE}
    replacing = {"add": pb.PropertyDiff.ADD_REPLACE, "delete": pb.PropertyDiff.DELETE_REPLACE}
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME if difference.paths else pb.DiffResponse.DIFF_NONE,
        replaces=difference.replaces,
        diffs=list(difference.paths),
        deleteBeforeReplace=difference.delete_first,
        hasDetailedDiff=True,
        detailedDiff={
            path: pb.PropertyDiff(
                kind=replacing.get(kind, pb.PropertyDiff.UPDATE_REPLACE)
                if path in difference.replaces
                else kinds[kind],
                inputDiff=True,
            )
            for path, kind in difference.paths.items()
        },
    )
