"""The real Kubernetes provider, where the user has it, between the engine and a control plane on loopback.

It gets everything but two things: charts, which it would fetch, are installed as stand-ins; and the kubeconfig that the
program makes, which asks AWS for a token, is replaced by one that has one.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from tests.engine.providers.base import Plugin
from tests.engine.providers.file_cluster import RELEASE
from tests.engine.providers.kubernetes import Cluster, SimulatedKubernetes
from tests.engine.providers.values import type_of
from tests.engine.providers.world import World


class ForwardingKubernetes(SimulatedKubernetes):
    """Passes requests on to a process of `command`; `cluster` installs charts, `join` lets nodes join before a pod."""

    def __init__(
        self,
        world: World,
        plugin: Plugin,
        cluster: Cluster,
        *,
        command: Sequence[str],
        kubeconfig: str,
        join: Callable[[], None],
    ) -> None:
        super().__init__(world, plugin, cluster)
        self._join = join
        self._command = command
        self._kubeconfig = kubeconfig
        self._process: asyncio.subprocess.Process | None = None

    async def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    async def Configure(self, request: pb.ConfigureRequest, context: Any) -> pb.ConfigureResponse:
        await super().Configure(request, context)
        self._process = await asyncio.create_subprocess_exec(*self._command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        port = (await self._process.stdout.readline()).decode().strip()
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=_GRPC_CHANNEL_OPTIONS)
        self._real = provider_pb2_grpc.ResourceProviderStub(channel)
        request.args.fields["kubeconfig"].string_value = self._kubeconfig
        request.variables["kubernetes:config:kubeconfig"] = self._kubeconfig
        return await self._real.Configure(request)

    async def Check(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        return await (super().Check(request, context) if _of_chart(request.urn) else self._real.Check(request))

    async def Diff(self, request: pb.DiffRequest, context: Any) -> pb.DiffResponse:
        return await (super().Diff(request, context) if _of_chart(request.urn) else self._real.Diff(request))

    async def Create(self, request: pb.CreateRequest, context: Any) -> pb.CreateResponse:
        if _of_chart(request.urn):
            return await super().Create(request, context)
        if not request.preview:
            self._join()
        return await self._passed_on(self._real.Create(request), context)

    async def Update(self, request: pb.UpdateRequest, context: Any) -> pb.UpdateResponse:
        if _of_chart(request.urn):
            return await super().Update(request, context)
        return await self._passed_on(self._real.Update(request), context)

    async def Delete(self, request: pb.DeleteRequest, context: Any) -> empty_pb2.Empty:
        if _of_chart(request.urn):
            return await super().Delete(request, context)
        return await self._passed_on(self._real.Delete(request), context)

    async def Read(self, request: pb.ReadRequest, context: Any) -> pb.ReadResponse:
        return await (super().Read(request, context) if _of_chart(request.urn) else self._real.Read(request))

    async def _passed_on(self, call: Any, context: Any) -> Any:
        """The answer, or the error as the engine would have had it, with what was made in spite of it."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            context.set_trailing_metadata(error.trailing_metadata() or ())
            await context.abort(error.code(), error.details() or "")


def _of_chart(urn: str) -> bool:
    return type_of(urn) == RELEASE
