"""One run of a program against the recording monitor, with everything of the SDK's state its own."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime import config as runtime_config
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import Settings
from pulumi.runtime.stack import run_in_stack

from infra.offline.labels import labelled_unknowns
from infra.offline.monitor import Monitor
from infra.offline.recording import Recording

_ONE_AT_A_TIME = threading.RLock()


class Engine:
    """Runs one program once. The SDK keeps its state in context variables, so each run has a context of its own."""

    def __init__(
        self, project: str, stack: str, config: dict[str, str], secret_keys: frozenset[str], preview: bool
    ) -> None:
        self._project = project
        self._stack = stack
        self._config = config
        self._secret_keys = secret_keys
        self._preview = preview
        self._messages: list[tuple[str, str]] = []

    def run(self, program: Callable[[], Any]) -> Recording:
        """Run `program` and return the recording. Raises what the program raised first."""
        with _ONE_AT_A_TIME, labelled_unknowns(), _uncollected(), _untraced():
            return contextvars.copy_context().run(self._run, program)

    def _run(self, program: Callable[[], Any]) -> Recording:
        monitor = Monitor(self._project, self._stack, self._config, self._preview)
        self._configure(monitor)
        loop = _Loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        try:
            loop.run_until_complete(run_in_stack(_started(program)))
        finally:
            _drain(loop)
            loop.close()
        return Recording(
            self._project, self._stack, self._preview, monitor.resources, monitor.stack_outputs, self._messages
        )

    def _configure(self, monitor: Monitor) -> None:
        Settings(
            project=self._project,
            stack=self._stack,
            monitor=monitor,
            engine=_Log(self._messages),
            dry_run=self._preview,
            organization="organization",
        )
        setattr(runtime_settings.SETTINGS, "callbacks", _Hooks())  # noqa: B010 - a descriptor that types do not see
        runtime_settings.ROOT.set(None)
        runtime_config.CONFIG.set(dict(self._config))
        runtime_config._SECRET_KEYS.set(set(self._secret_keys))


@contextmanager
def _uncollected() -> Generator[None]:
    """Within it Python collects no cycles: nearly everything that a run makes lives as long as the run, so that looking
    for garbage took half of its time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _untraced() -> Generator[None]:
    """Within it the SDK notes one frame for each resource in place of the whole stack.

    It does so for the real engine, nothing of it is kept here, and it took a seventh of the time. Tracebacks of errors
    are whole: the limit holds when one is read, and that happens afterwards.
    """
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        del sys.tracebacklimit
        if before is not None:
            sys.tracebacklimit = before


def _started(program: Callable[[], Any]) -> Callable[[], Awaitable[None]]:
    """The program, ended only when its registrations have begun.

    The SDK then waits for these one by one. Else it would wait for every output at once, again after each that is
    done: time that grows with the square of their number.
    """

    async def run() -> None:
        result = program()
        if isawaitable(result):
            await result
        await asyncio.sleep(0)

    return run


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that runs what is meant for a thread at once: the monitor is in this process and never waits.

    It spares a thread switch per resource and makes the order of registration the same in every run.
    """

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class _Log:
    """The engine's log service: keeps warnings and errors, drops the rest."""

    def __init__(self, messages: list[tuple[str, str]]) -> None:
        self._messages = messages

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        level = {engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}.get(request.severity)
        if level:
            self._messages.append((level, request.message))
        return empty_pb2.Empty()


class _Hooks:
    """Takes the registration of resource hooks, in place of the server through which the engine would call them."""

    def register_resource_hook(self, _hook: Any) -> None:
        """Hooks run at create, update and delete; a recording does none of them."""

    def register_error_hook(self, _hook: Any) -> None:
        """See `register_resource_hook`."""


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what a failed program left behind and take the results of the rest, so that none is reported as lost."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
