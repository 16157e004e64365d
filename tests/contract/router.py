"""The real router on loopback: small engines and a small Kubernetes API for it to talk to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from components.serving.router.arguments import KEY_FILE
from components.serving.router.plan import RouterPlan

START_SECONDS = 20
TOKEN_SECONDS = 0.1
BOOTSTRAP_PORT = "8998"


@dataclass
class Answer:
    """What came back: status, body and the engine that spoke, where one did."""

    status: int
    body: str

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return str(json.loads(self.body)["engine"])


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with what both fakes need."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def answer(self, content: Any, status: int = 200) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self, content_type: str) -> None:
        """Begin a chunked answer."""
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def chunk(self, text: str) -> None:
        """Send a chunk; an empty one ends the answer."""
        self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """A server that can be shut, with its connections."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        super().__init__(address, handler)
        self._connections: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        self._connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections end with the test."""

    def close(self) -> None:
        """Stop, as a process that is killed."""
        self.shutdown()
        self.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Engine:
    """Speaks as much of rank 0's HTTP API as the router asks for; a token takes a tenth of a second."""

    def __init__(self, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.name = name
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.server = Server((host, port), self._handler())
        self.port = int(self.server.server_address[1])
        self.url = f"http://{host}:{self.port}"

    def close(self) -> None:
        """Die."""
        self.server.close()

    def _handler(self) -> type[Handler]:
        engine = self

        class EngineHandler(Handler):
            def do_GET(self) -> None:
                facts = {"model_path": "/models/qwen", "tokenizer_path": "/models/qwen", "served_model_name": "qwen"}
                pages: dict[str, Any] = {
                    "/health": {},
                    "/server_info": {**facts, "tp_size": 1, "dp_size": 1},
                    "/model_info": {**facts, "is_generation": True, "model_type": "qwen3"},
                    "/v1/models": {"object": "list", "data": [{"id": "qwen", "object": "model"}]},
                }
                page = pages.get(self.path.replace("/get_", "/"))
                self.answer({} if page is None else page, 404 if page is None else 200)

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                engine.requests.append(asked)
                engine.headers.append({name.lower(): value for name, value in self.headers.items()})
                tokens = asked.get("max_completion_tokens") or asked.get("max_tokens") or 0
                if not asked.get("stream"):
                    time.sleep(tokens * TOKEN_SECONDS)
                    self.answer({"engine": engine.name})
                    return
                self.begin_stream("text/event-stream")
                for number in range(tokens):
                    self.chunk(f"data: {json.dumps({'token': number})}\n\n")
                    time.sleep(TOKEN_SECONDS)
                self.chunk("data: [DONE]\n\n")
                self.chunk("")

        return EngineHandler


def pod(
    name: str, ip: str, labels: dict[str, str], *, ready: bool = True, annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    """A pod as the API server shows it."""
    metadata = {"name": name, "namespace": "inference", "labels": labels, "annotations": annotations or {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "resourceVersion": "1", "uid": name},
        "spec": {"containers": []},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


class KubernetesApi:
    """Lists and watches pods; remembers which paths were asked for."""

    def __init__(self, pods: Sequence[dict[str, Any]]) -> None:
        self.pods = list(pods)
        self.asked: list[tuple[str, str]] = []
        self.server = Server(("127.0.0.1", 0), self._handler())

    def close(self) -> None:
        """Stop."""
        self.server.close()

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig that leads here."""
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": address}}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "current-context": "fake",
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(content))
        return path

    def _handler(self) -> type[Handler]:
        api = self

        class ApiHandler(Handler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                watching = "watch=true" in query
                api.asked.append(("watch" if watching else "list", path))
                if not watching:
                    content = {"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "1"}}
                    self.answer({**content, "items": api.pods})
                    return
                self.begin_stream("application/json")
                time.sleep(START_SECONDS)

        return ApiHandler


@dataclass
class RunningRouter:
    """A router's process and how to talk to it."""

    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    log: Path
    key: str | None = None

    def get(self, path: str, *, key: str | None = None) -> Answer:
        """GET from the API port."""
        return self._ask(Request(f"http://127.0.0.1:{self.port}{path}", headers=_bearer(key)))

    def chat(self, text: str, *, tokens: int = 0, stream: bool = False, key: str | None = None) -> Answer:
        """One chat completion."""
        content = {"model": "qwen", "messages": [{"role": "user", "content": text}], "stream": stream}
        body = json.dumps({**content, "max_tokens": tokens} if tokens else content).encode()
        headers = {"content-type": "application/json", **_bearer(key or self.key)}
        return self._ask(Request(f"http://127.0.0.1:{self.port}/v1/chat/completions", body, headers))

    def together(self, count: int, **options: Any) -> list[Answer]:
        """Several chat completions at the same time, each with a prompt unlike the others."""
        answers: list[Answer] = []
        prompts = (sha256(bytes([number])).hexdigest() for number in range(count))
        threads = [
            threading.Thread(target=lambda prompt=prompt: answers.append(self.chat(prompt, **options)))
            for prompt in prompts
        ]
        for thread in threads:
            thread.start()
            time.sleep(0.01)
        for thread in threads:
            thread.join()
        return answers

    def metrics(self) -> str:
        """The text of the metrics port."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as response:
            return str(response.read().decode())

    @staticmethod
    def _ask(request: Request) -> Answer:
        try:
            with urlopen(request, timeout=START_SECONDS) as response:
                return Answer(response.status, response.read().decode())
        except HTTPError as error:
            return Answer(error.code, error.read().decode())


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_value(line: Sequence[str], option: str, value: str) -> list[str]:
    """The command line with another value of an option that it has."""
    changed = list(line)
    changed[changed.index(option) + 1] = value
    return changed


@contextlib.contextmanager
def running(
    plan: RouterPlan,
    folder: Path,
    workers: Sequence[str] | None,
    *,
    key: str | None = None,
    environment: dict[str, str] | None = None,
    worker_port: int | None = None,
    decoders: Sequence[str] = (),
    ready: str = "/readiness",
) -> Generator[RunningRouter]:
    """Run the planned router on loopback until it is ready. `workers` are URLs that replace the service discovery, or
    None to keep it; `worker_port` is then the port of the discovered pods. `decoders` are URLs of decode groups, where
    `workers` are those of prefill groups. It is waited for by `ready`.
    """
    port, metrics_port = free_port(), free_port()
    line = with_value(with_value(plan.arguments, "--host", "127.0.0.1"), "--port", str(port))
    line = with_value(with_value(line, "--prometheus-host", "127.0.0.1"), "--prometheus-port", str(metrics_port))
    if workers is not None:
        line = line[: line.index("--service-discovery")]
        if decoders:
            line += [part for url in workers for part in ("--prefill", url, BOOTSTRAP_PORT)]
            line += [part for url in decoders for part in ("--decode", url)]
        else:
            line += ["--worker-urls", *workers]
    elif worker_port is not None:
        line = with_value(line, "--service-discovery-port", str(worker_port))
    key_file = folder / "api-key"
    key_file.write_text(key or "")
    command = [part.replace(KEY_FILE, str(key_file)) for part in plan.command]
    log = folder / f"router-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command[1:], *line],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **plan.environment, **(environment or {})},
        )
    router = RunningRouter(process, port, metrics_port, log, key)
    try:
        _wait_until_ready(router, ready)
        yield router
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(router: RunningRouter, path: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if router.process.poll() is not None:
            break
        with contextlib.suppress(URLError, ConnectionError, TimeoutError):
            if router.get(path).status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the router is not ready: {router.log.read_text()[-4000:]}")


def _bearer(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
