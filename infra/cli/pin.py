"""`pin`: digests of engine images and versions of add-ons, looked up and written into the stack file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer

from components.monitoring.efa_exporter.plan import exporter_image
from infra.cli.aws import Aws
from infra.cli.console import err, fail, out, step
from infra.cli.options import Config, Stack
from infra.cli.registry import digest_of
from infra.cli.source import Source, checked
from infra.cli.web import Ask, UnreachableError, ask

if TYPE_CHECKING:
    from infra.plan import Plan

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """A value for the stack file; `key` leads to it: `("models", 0, "engine", "image", "digest")`."""

    key: Key
    value: str

    @property
    def path(self) -> str:
        """The key as messages write it: `models[0].engine.image.digest`."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.key)
        return text.removeprefix(".")


def pin(
    stack: Stack = None,
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the pins, write nothing.")] = False,
) -> None:
    """Look up image digests and add-on versions and write them into the stack file.

    Registries are asked over HTTPS, AWS through your own `aws` command. What cannot be looked up is said and left out.
    """
    from infra.plan import resolve

    source = Source.of(stack, config)
    found = checked(source, strict=False)
    assert found.settings is not None  # noqa: S101 - `checked` ends the command where there are none
    with step("asking registries and AWS"):
        pins, failures = look_up(resolve(found.settings), ask, Aws())
    for failure in dict.fromkeys(failures):
        err().print(f"not pinned: {failure}", soft_wrap=True)
    for found_pin in pins:
        out().print(f"{found_pin.path}: {found_pin.value}", soft_wrap=True)
    if not dry_run and pins:
        _write(source, pins)
    if failures:
        raise typer.Exit(2)


def look_up(plan: Plan, ask: Ask, aws: Aws) -> tuple[list[Pin], list[str]]:
    """The pins that could be looked up, and why the others could not."""
    pins: list[Pin] = []
    failures: list[str] = []
    for key, look in _questions(plan, ask, aws):
        try:
            pins.append(Pin(key, look()))
        except UnreachableError as error:
            failures.append(str(error))
    return pins, failures


def _questions(plan: Plan, ask: Ask, aws: Aws) -> Iterator[tuple[Key, Callable[[], str]]]:
    digests: dict[tuple[str, str], str] = {}

    def digest(repository: str, tag: str) -> str:
        if (repository, tag) not in digests:
            digests[repository, tag] = digest_of(repository, tag, ask, aws)
        return digests[repository, tag]

    for index, model in enumerate(plan.models):
        image = model.image
        if image.tag:
            yield ("models", index, "engine", "image", "digest"), partial(digest, image.repository, image.tag)
        if model.router and model.router.image.tag:
            image = model.router.image
            yield ("models", index, "router", "image", "digest"), partial(digest, image.repository, image.tag or "")
    if plan.gateway:
        image = plan.gateway.image
        yield ("gateway", "image", "digest"), partial(digest, image.repository, image.tag or "")
    settings = plan.settings
    if plan.efa_exported:
        image = exporter_image(settings.monitoring.efa_exporter.image)
        yield ("monitoring", "efaExporter", "image", "digest"), partial(digest, image.repository, image.tag)
    for key, addon in _addons(plan):
        yield key, partial(aws.addon_version, addon, settings.cluster.kubernetes_version, settings.region)


def _addons(plan: Plan) -> Iterator[tuple[Key, str]]:
    """The add-ons of the stack, each with the place of its version."""
    for name, field in type(plan.settings.cluster.addons).model_fields.items():
        yield ("cluster", "addons", str(field.alias), "version"), name.replace("_", "-")
    if plan.file_system:
        yield ("fileSystem", "driverVersion"), "aws-fsx-csi-driver"


def _write(source: Source, pins: list[Pin]) -> None:
    """Write the pins, unless the file would not be valid with them."""
    from infra.report.problems import print_problems
    from infra.settings import load_stack_file, validate

    pinned = source.path.with_name(f".{source.path.name}.pinned")
    try:
        pinned.write_text(with_pins(source.path.read_text(), pins))
        found = validate(load_stack_file(pinned))
        if found.errors:
            print_problems(err(), source.path.name, found.errors)
            fail("with these pins the settings would not be valid; nothing was written")
        pinned.replace(source.path)
    finally:
        pinned.unlink(missing_ok=True)
    out().print(f"wrote {source.path.name}", soft_wrap=True)


def with_pins(text: str, pins: list[Pin]) -> str:
    """The stack file, or bare mapping, with the pins in it; comments and order stay."""
    from ruamel.yaml import YAML

    from infra.settings.files import PREFIX

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(text)
    prefixed = "config" in content
    for pin in pins:
        first, *rest = pin.key
        _set(content["config"] if prefixed else content, (f"{PREFIX}{first}" if prefixed else first, *rest), pin.value)
    result = StringIO()
    yaml.dump(content, result)
    return result.getvalue()


def _set(content: Any, key: Key, value: str) -> None:
    *around, last = key
    for part in around:
        if isinstance(content, dict) and part not in content:
            content[part] = {}
        content = content[part]
    content[last] = value
