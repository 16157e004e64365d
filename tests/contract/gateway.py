"""The real gateway on loopback: LiteLLM's proxy with the configuration that the program writes, and small engines."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from components.gateway.configuration import (
    CONFIG_FILE,
    ENVIRONMENT,
    KEYS_MODULE,
    LAUNCH,
    arguments,
    configuration,
    key_rights,
    keys_module,
)
from components.gateway.plan import GatewayPlan
from tests.contract.router import Handler, Server

START_SECONDS = 400
TOKENS = 10


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (lower case) and body."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def engine(self) -> str:
        """Name of the engine that spoke."""
        return str(json.loads(self.body)["choices"][0]["message"]["content"])


class Engine:
    """Speaks as much of an engine's API as the gateway asks for, and says its own name."""

    def __init__(self, name: str, *, seconds: float = 0) -> None:
        self.name = name
        self.fails = False
        self.keys: set[str] = set()
        engine = self

        class EngineHandler(Handler):
            def do_POST(self) -> None:  # noqa: N802 - the library calls it so
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                engine.keys.add(self.headers["authorization"])
                time.sleep(seconds)
                if engine.fails:
                    self.answer({"error": {"message": "no group is ready", "type": "down", "code": 503}}, 503)
                elif request.get("stream"):
                    self.stream(request["model"])
                else:
                    message = {"role": "assistant", "content": engine.name}
                    self.answer(
                        {
                            **head(request["model"]),
                            "object": "chat.completion",
                            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                            "usage": {"prompt_tokens": TOKENS, "completion_tokens": TOKENS, "total_tokens": 2 * TOKENS},
                        }
                    )

            def stream(self, model: str) -> None:
                self.begin_stream("text/event-stream")
                for number in range(5):
                    delta = {"index": 0, "delta": {"role": "assistant", "content": f"token{number} "}}
                    part = {**head(model), "object": "chat.completion.chunk", "choices": [delta]}
                    self.chunk(f"data: {json.dumps(part)}\n\n")
                self.chunk("data: [DONE]\n\n")
                self.chunk("")

        self.server = Server(("127.0.0.1", 0), EngineHandler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"


def head(model: str) -> dict[str, Any]:
    """What every answer of an engine begins with."""
    return {"id": "chatcmpl-1", "created": 1, "model": model}


@dataclass(frozen=True)
class RunningGateway:
    """A proxy that answers, and its log."""

    url: str
    log: Path

    def get(self, path: str, key: str | None = None) -> Answer:
        """A GET request."""
        return self._ask(Request(f"{self.url}{path}", headers=bearer(key)))

    def post(self, path: str, content: Any, key: str | None) -> Answer:
        """A POST request with JSON."""
        headers = {"content-type": "application/json", **bearer(key)}
        return self._ask(Request(f"{self.url}{path}", json.dumps(content).encode(), headers))

    def chat(self, model: str, key: str | None, text: str = "hi", **more: Any) -> Answer:
        """One request for a chat completion."""
        messages = [{"role": "user", "content": text}]
        return self.post("/v1/chat/completions", {"model": model, "messages": messages, **more}, key)

    def together(self, number: int, model: str, key: str) -> list[Answer]:
        """Several such requests at once."""
        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(lambda _: self.chat(model, key), range(number)))

    def _ask(self, request: Request) -> Answer:
        try:
            with urlopen(request, timeout=60) as response:
                return Answer(response.status, lower(response.headers), response.read().decode())
        except HTTPError as error:
            return Answer(error.code, lower(error.headers), error.read().decode())


def bearer(key: str | None) -> dict[str, str]:
    """The header with a client's key."""
    return {"authorization": f"Bearer {key}"} if key else {}


def lower(headers: Any) -> dict[str, str]:
    """Headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def before(plan: GatewayPlan, engines: Mapping[str, Engine]) -> GatewayPlan:
    """The plan with the addresses of small engines instead of Services."""
    routes = [
        replace(
            route,
            targets=tuple(replace(target, endpoint=engines[target.model].url) for target in route.targets),
        )
        for route in plan.routes
    ]
    return replace(plan, routes=tuple(routes))


@contextlib.contextmanager
def running(
    python: Path, plan: GatewayPlan, folder: Path, secrets: Mapping[str, str]
) -> Generator[RunningGateway, None, None]:
    """LiteLLM's proxy as the pod runs it: same launch, arguments, environment and files, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / CONFIG_FILE).write_text(json.dumps(configuration(plan)))
    (folder / f"{KEYS_MODULE}.py").write_text(keys_module())
    keys = folder / "keys.json"
    keys.write_text(json.dumps(key_rights(plan.settings.keys, secrets, plan.settings.replicas)))
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder),
        "GATEWAY_KEYS": str(keys),
        **{variable: secrets[name] for variable, name in plan.engine_keys.items()},
    }
    line = dict(zip(arguments()[::2], arguments()[1::2], strict=True))
    line |= {"--config": str(folder / CONFIG_FILE), "--host": "127.0.0.1", "--port": str(port)}
    command = [str(python), "-c", LAUNCH, *(part for pair in line.items() for part in pair)]
    log = folder / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    gateway = RunningGateway(f"http://127.0.0.1:{port}", log)
    try:
        wait_until_ready(gateway, process)
        yield gateway
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def wait_until_ready(gateway: RunningGateway, process: subprocess.Popen[bytes]) -> None:
    """Wait for the readiness probe; AssertionError with the log where it does not come."""
    end = time.monotonic() + START_SECONDS
    pause = threading.Event()
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(URLError, OSError):
            if gateway.get("/health/readiness").status == 200:
                return
        pause.wait(0.5)
    raise AssertionError(gateway.log.read_text()[-4000:])
