"""One stack on the real engine: the program in this process, everything else in one temporary folder.

It does what the Automation API does for an inline program, by the same language server, but keeps hold of the engine's
process and reads the engine's own event log, so that a test can interrupt it and see each step.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import yaml
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2_grpc

from tests.engine.providers.world import World
from tests.engine.result import Result

ROOT = Path(__file__).parents[2]
PROJECT = "sglang-hyperpod"
PACKAGES = ("aws", "aws-native", "eks", "kubernetes")
PLUGIN = Path(__file__).parent / "providers" / "plugin.py"
PASSPHRASE = "correct horse battery staple"


class EngineStack:
    """A stack of its own, with its own cloud (`world`). `config` is the content of a stack file, changed at will."""

    def __init__(
        self,
        folder: Path,
        name: str,
        config: Mapping[str, Any],
        program: Callable[[], Any],
        *,
        cli: Path,
        socket: Path,
    ) -> None:
        self.folder = folder
        self.name = name
        self.config = copy.deepcopy(dict(config))
        self.program = program
        self._cli = cli
        folder.mkdir(parents=True)
        self.write_project()
        self.world = World(folder / "world.db")
        self.environment = {
            **{key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ},
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            "SIMULATED_PROVIDERS_SOCKET": str(socket),
            "SIMULATED_WORLD": str(self.world.path),
        }
        (folder / "state").mkdir()
        made = self.run("stack", "init", name)
        if not made.ok:
            raise RuntimeError(made.output)
        self._salt = yaml.safe_load(self.settings_file.read_text()).get("encryptionsalt", "")

    @property
    def settings_file(self) -> Path:
        """The stack's settings, `Pulumi.<stack>.yaml`."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def state_file(self) -> Path:
        """The stack's state in the local backend."""
        return self.folder / "state" / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"

    def preview(self, *options: str) -> Result:
        """`pulumi preview`."""
        return self.run("preview", *options, program=True)

    def up(self, *options: str) -> Result:
        """`pulumi up`, without asking and without a preview before it."""
        return self.run("up", "--yes", "--skip-preview", *options, program=True)

    def refresh(self, *options: str) -> Result:
        """`pulumi refresh`, without asking."""
        return self.run("refresh", "--yes", "--skip-preview", *options, program=True)

    def destroy(self, *options: str) -> Result:
        """`pulumi destroy`, without asking."""
        return self.run("destroy", "--yes", "--skip-preview", *options, program=True)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state, by URN."""
        if not self.state_file.exists():
            return {}
        deployment = json.loads(self.state_file.read_text())["checkpoint"]["latest"] or {}
        return {resource["urn"]: resource for resource in deployment.get("resources", [])}

    def set(self, path: str, value: Any) -> None:
        """Change one field of the stack file: `set("models[0].replicas", 2)`; the section's prefix is left out.

        A function as value makes the new one from a copy of the old one.
        """
        section, _, rest = path.replace("[", ".[").partition(".")
        steps = [int(step[1:-1]) if step.startswith("[") else step for step in rest.split(".")] if rest else []
        *way, last = [f"{PROJECT}:{section}", *steps]
        target: Any = self.config["config"]
        for step in way:
            target = target[step] if isinstance(step, int) else target.setdefault(step, {})
        target[last] = value(copy.deepcopy(target.get(last))) if callable(value) else value

    def set_secret(self, key: str, value: str) -> None:
        """`pulumi config set --secret`: the value is in the stack file encrypted only."""
        self._write_settings()
        stored = self.run("config", "set", "--secret", f"{PROJECT}:{key}", value, f"--stack={self.name}")
        if not stored.ok:
            raise RuntimeError(stored.output)
        written = yaml.safe_load(self.settings_file.read_text())
        self._salt = written.pop("encryptionsalt")
        self.config = written

    def previewed_with(self, *changes: tuple[str, Any]) -> Result:
        """A preview with some fields changed (see `set`); the settings are as before afterwards."""
        kept = copy.deepcopy(self.config)
        try:
            for path, value in changes:
                self.set(path, value)
            return self.preview()
        finally:
            self.config = kept

    def clone(self, folder: Path) -> EngineStack:
        """The same stack and cloud as they are now, in a folder of their own."""
        shutil.copytree(self.folder, folder)
        other = copy.copy(self)
        other.folder, other.config, other.world = folder, copy.deepcopy(self.config), World(folder / "world.db")
        other.environment = {
            key: value.replace(str(self.folder), str(folder)) for key, value in self.environment.items()
        }
        other.write_project()
        return other

    def run(self, *command: str, program: bool = False, environment: Mapping[str, str] | None = None) -> Result:
        """Run the CLI; with `program` it gets the stack's program and says what it does in the event log."""
        log = self.folder / "events.json"
        log.unlink(missing_ok=True)
        if not program:
            return self._execute(command, environment)
        self._write_settings()
        with _language_host(self.program) as port:
            options = [f"--client=127.0.0.1:{port}", "--exec-kind=auto.inline", f"--event-log={log}", "--color=never"]
            return self._execute([*command, *options, f"--stack={self.name}"], environment)

    def _execute(self, command: list[str] | tuple[str, ...], environment: Mapping[str, str] | None) -> Result:
        done = subprocess.run(
            [str(self._cli), *command, "--non-interactive"],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = self.folder / "events.json"
        lines = log.read_text().splitlines() if log.exists() else []
        return Result(done.returncode, done.stdout, [json.loads(line) for line in lines if line.endswith("}")])

    def _write_settings(self) -> None:
        content = {"encryptionsalt": self._salt, **self.config}
        self.settings_file.write_text(yaml.safe_dump(content, sort_keys=False))

    def write_project(self) -> None:
        """A project file whose plugins are executables: providers ask the server of the simulated ones for a port, and
        policy packs run in this interpreter, since there is no language host.
        """
        plugins = self.folder / "plugins"
        plugins.mkdir(exist_ok=True)
        for package in PACKAGES:
            executable = plugins / f"pulumi-resource-{package}"
            executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{PLUGIN}" {package} "$@"\n')
            executable.chmod(0o755)
        pack = plugins / "pulumi-analyzer-policy-python"
        pack.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u __main__.py "$@"\n')
        pack.chmod(0o755)
        project = {
            "name": PROJECT,
            "runtime": "python",
            "plugins": {
                "providers": [{"name": package, "path": str(plugins)} for package in PACKAGES],
                "analyzers": [{"name": "policy-python", "path": str(plugins)}],
            },
        }
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))


@contextmanager
def simulated_providers(folder: Path) -> Generator[Path]:
    """Runs the server of the simulated providers; gives the path of its socket. Its messages are in `folder`/log."""
    socket = folder / "socket"
    command = [sys.executable, "-m", "tests.engine.providers.server", str(socket)]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as server,
    ):
        assert server.stdout is not None
        assert server.stdin is not None
        if server.stdout.readline() != b"ready\n":
            raise RuntimeError((folder / "log").read_text())
        yield socket
        server.stdin.close()


def shipped_settings(name: str) -> dict[str, Any]:
    """The content of the shipped stack file `Pulumi.<name>.yaml`."""
    return yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())


@contextmanager
def _language_host(program: Callable[[], Any]) -> Generator[int]:
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None)
