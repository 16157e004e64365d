"""One process that serves every simulated provider: `python -m tests.engine.providers.server SOCKET`.

The engine starts a plugin for each provider and each operation; importing the SDKs each time would take longer than the
operation. So the plugin's executable asks here for a port and stays alive for as long as the engine wants it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
from pathlib import Path

import grpc.aio
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from tests.engine.providers.aws import SimulatedAws
from tests.engine.providers.base import Plugin
from tests.engine.providers.eks import SimulatedEks
from tests.engine.providers.kubernetes import SimulatedKubernetes
from tests.engine.providers.world import World


async def serve_plugin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one plugin process: it says `package world engine-pid engine-address kubernetes` and is told a port."""
    package, path, pid, address, kubernetes = (await reader.readline()).decode().split()
    world = World(Path(path))
    plugin = Plugin(int(pid), writer.close)
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = {
        "aws": lambda: SimulatedAws(world, plugin),
        "aws-native": lambda: SimulatedAws(world, plugin),
        "eks": lambda: SimulatedEks(world, plugin, address),
        "kubernetes": lambda: _kubernetes(kubernetes, world, plugin, address),
    }[package]()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    writer.write(f"{port}\n".encode())
    with contextlib.suppress(ConnectionError):
        await writer.drain()
        await reader.read()
    await server.stop(None)
    if isinstance(servicer, SimulatedKubernetes):
        await servicer.close()
    world.close()


def _kubernetes(factory: str, world: World, plugin: Plugin, engine: str) -> SimulatedKubernetes:
    """The Kubernetes provider: `package.module:function` makes another one than that of a cluster in a file."""
    if factory == "-":
        return SimulatedKubernetes(world, plugin)
    module, _, function = factory.partition(":")
    return getattr(importlib.import_module(module), function)(world, plugin, engine)


async def main(socket: str) -> None:
    """Serve until the standard input ends, which it does with the test run; nothing is left to be tidied then."""
    await asyncio.start_unix_server(serve_plugin, socket)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
