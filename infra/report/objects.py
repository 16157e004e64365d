"""`render`: every Kubernetes object and every chart's values as YAML files, for review and GitOps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.offline.recording import Recorded, Recording, Secret, Unknown

RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER_WIDE = "_cluster"
"""Folder of objects that have no namespace."""


def files_of(recording: Recording) -> dict[str, str]:
    """Text by path: `<namespace>/<kind>-<name>.yaml` for an object, `<namespace>/values-<release>.yaml` for a chart.

    An unknown reads `"<resource.output>"`; a secret reads `"<secret resource.property>"`, which names where the program
    sets it.
    """
    return dict(sorted(_files(recording)))


def _files(recording: Recording) -> Iterator[tuple[str, str]]:
    for resource in recording.resources:
        if resource.type == RELEASE:
            yield _release(resource)
        elif resource.type.startswith("kubernetes:") and {"apiVersion", "kind"} <= resource.inputs.keys():
            yield _object(resource)


def _object(resource: Recorded) -> tuple[str, str]:
    metadata = resource.inputs.get("metadata") or {}
    namespace = metadata.get("namespace") or CLUSTER_WIDE
    name = metadata.get("name") or resource.name
    text = _yaml(_ordered(resource.inputs), resource)
    return f"{_file_name(namespace)}/{str(resource.inputs['kind']).lower()}-{_file_name(name)}.yaml", text


def _release(resource: Recorded) -> tuple[str, str]:
    inputs = resource.inputs
    name = inputs.get("name") or resource.name
    namespace = inputs.get("namespace") or "default"
    repository = (inputs.get("repositoryOpts") or {}).get("repo")
    head = [
        f"# Helm release {name} in namespace {namespace}",
        f"# chart {inputs.get('chart')}" + (f" of {repository}" if repository else ""),
        *([f"# version {inputs['version']}"] if inputs.get("version") else []),
    ]
    text = "\n".join(head) + "\n" + _yaml(inputs.get("values") or {}, resource, "values")
    return f"{_file_name(namespace)}/values-{_file_name(name)}.yaml", text


def _ordered(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its head first, as people write it."""
    head = ("apiVersion", "kind", "metadata")
    return {key: inputs[key] for key in head if key in inputs} | {
        key: value for key, value in inputs.items() if key not in head
    }


def _file_name(name: Any) -> str:
    """A name that every file system takes: an unknown name loses its brackets."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", str(name)).strip("-") or "unnamed"


def _yaml(value: Any, resource: Recorded, path: str = "") -> str:
    plain = _plain(value, resource, path)
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _plain(value: Any, resource: Recorded, path: str) -> Any:
    if isinstance(value, Secret):
        return _Quoted(f"<secret {resource.name}{'.' if path else ''}{path}>")
    if isinstance(value, Unknown):
        return _Quoted(value)
    if isinstance(value, Mapping):
        return {key: _plain(item, resource, f"{path}.{key}".lstrip(".")) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, resource, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


class _Quoted(str):
    """Text that is written in double quotes."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Lists indented below their key, no anchors, long text as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def write_files(recording: Recording, folder: Path) -> list[str]:
    """Write the files below `folder`; gives their paths relative to it."""
    files = files_of(recording)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return list(files)


def others_in(folder: Path, written: Iterable[str]) -> list[str]:
    """Files below `folder` that are not `written`: of an earlier run, or somebody else's. Relative and sorted; what
    lies in hidden folders, such as a repository's own, does not count."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    visible = {path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)}
    return sorted(visible - set(written))
