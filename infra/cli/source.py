"""Which settings a command works on, and the steps from them to a preview."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from infra.cli.console import PROBLEMS, err, fail, step

if TYPE_CHECKING:
    from infra.report.model import Preview
    from infra.settings import Validated

DEFAULT_STACK = "dev"


@dataclass(frozen=True, slots=True)
class Source:
    """A file of settings and the stack that it belongs to."""

    path: Path
    stack: str

    @classmethod
    def of(cls, stack: str | None, config: Path | None) -> Source:
        """The source that `--stack` and `--config` name: at most one of them, the stack `dev` where neither does."""
        if stack and config:
            fail("give --stack or --config, not both")
        if config:
            of_stack = config.name.startswith("Pulumi.") and config.suffix == ".yaml"
            return cls(config, config.stem.removeprefix("Pulumi.") if of_stack else "preview")
        name = stack or DEFAULT_STACK
        return cls(project_root() / f"Pulumi.{name}.yaml", name)

    def raw(self) -> dict[str, Any]:
        """The raw settings. A file that cannot be read ends the command."""
        from infra.settings import UnreadableFile, load_stack_file

        try:
            return load_stack_file(self.path)
        except UnreadableFile as error:
            fail(str(error))

    def engine_config(self) -> tuple[dict[str, str], set[str]]:
        """The configuration as the engine hands it to the program, and the keys that are secret.

        A secret's value is not needed and not read: an empty text stands for it.
        """
        import yaml

        from infra.offline.program import PROJECT

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content = yaml.load(self.path.read_text(), Loader=loader)  # noqa: S506 - either of the two is safe
        config = content.get("config") if isinstance(content.get("config"), Mapping) else None
        if config is None:
            # A bare mapping lists the names of its secrets, whose values are elsewhere.
            named = {name: {"secure": ""} for name in content.get("secrets") or ()}
            config = {f"{PROJECT}:{key}": value for key, value in {**content, **named}.items()}
        secrets = {key for key, value in config.items() if isinstance(value, Mapping) and set(value) == {"secure"}}
        return {key: "" if key in secrets else _text(value) for key, value in config.items()}, secrets


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def project_root() -> Path:
    """The folder with `Pulumi.yaml`: the current one or one above it, else where this program lies."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    return Path(__file__).resolve().parents[2]


def checked(source: Source, *, strict: bool) -> Validated:
    """The checked settings. With errors among them, every problem is printed and the command ends."""
    from infra.report.problems import print_problems
    from infra.settings import validate

    found = validate(source.raw(), strict=strict)
    if found.settings is None:
        print_problems(err(), source.path.name, found.problems)
        raise typer.Exit(PROBLEMS)
    return found


def previewed(source: Source, *, strict: bool = False) -> Preview:
    """Check, plan, run the real program in this process, and hold what it registered against the policies.

    The engine starts at `infra.program.main`, which checks and plans first; here both are done already.
    """
    from components.rules import Severity
    from infra.report.model import Preview
    from infra.report.problems import print_problems

    found = checked(source, strict=strict)
    assert found.settings is not None  # noqa: S101 - `checked` ends the command where there are none
    with step(f"previewing {source.stack}"):
        from infra.offline import record
        from infra.plan import resolve
        from infra.policy.run import violations_of
        from infra.stack import deploy

        settings, plan = found.settings, resolve(found.settings)
        config, secrets = source.engine_config()
        recording = record(
            lambda: deploy(settings, plan, source.stack), stack=source.stack, config=config, secret_keys=secrets
        )
        problems = (*found.warnings, *violations_of(recording, settings, found.warnings))
    if any(problem.severity is Severity.ERROR for problem in problems):
        print_problems(err(), source.path.name, problems)
        raise typer.Exit(PROBLEMS)
    return Preview.of(plan, recording, problems, file=source.path.name)
