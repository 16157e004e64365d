"""Every typed setting that stands for a flag, in every supported release: the engine's own parser takes what it is
written as, or a rule refuses it at preview.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from components.facts.engines import SUPPORTED, engine
from components.serving.engine.flags import judge, render
from components.serving.engine.typed import Flag, Said, Switch
from components.serving.rules import rules as model_rules
from components.serving.settings import ModelSettings
from components.serving.tuning import TuningSettings, flags
from tests.contract.test_command_lines import parse
from tests.unit.serving.builders import QWEN_8B

_CANDIDATES: tuple[Any, ...] = (
    64, 1, 2048, 0.5, "x", [1, 2], ["qkv_proj"], {"image": 1}, {"image": {"max_pixels": 1024}},
)  # fmt: skip
_REQUIRED: dict[str, dict[str, Any]] = {"speculative": {"algorithm": "NGRAM"}, "lora": {"maxRank": 16}}
"""What a group needs beside the field that is tried."""

Place = tuple[str, ...]


def fields(model: type[BaseModel], at: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    """Every field that stands for a flag, with its path in a stack file."""
    for name, field in model.model_fields.items():
        place = (*at, field.alias or name)
        if any(isinstance(entry, Flag | Switch) for entry in field.metadata):
            yield place, field
            continue
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        for kind in inner:
            if issubclass(kind, BaseModel):
                yield from fields(kind, place)


RELEASE = next(rule for rule in model_rules.rules if rule.id == "engine.setting-release")
FIELDS = {".".join(place): (place, field) for place, field in fields(TuningSettings)}


def entry(field: FieldInfo) -> Flag | Switch:
    return next(entry for entry in field.metadata if isinstance(entry, Flag | Switch))


def values(field: FieldInfo, version: str) -> list[Any]:
    """Values that the field takes, and that the release's flag takes where it has one."""
    said = entry(field)
    if isinstance(said, Switch):
        return [True, False]
    release = engine(version)
    names = [name for name in said.names if name in release.flags]
    listed: list[Any] = [choice for name in names for choice in release.flags[name].choices or ()]
    annotation: Any = field.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    candidates: list[Any] = [*listed, *([choice] for choice in listed), *_CANDIDATES]
    for candidate in candidates:
        try:
            adapter.validate_python(candidate, strict=True)
        except ValidationError:
            continue
        if not names or judge(release, names[0], candidate) is None:
            return [candidate]
    raise AssertionError(f"no sample fits {said.names}")


def model(place: Place, value: Any, version: str) -> ModelSettings:
    """A model with one typed setting."""
    nested: Any = value
    for name in reversed(place):
        nested = {**_REQUIRED.get(name, {}), **{name: nested}} if name != place[0] else {name: nested}
    group = {place[0]: {**_REQUIRED.get(place[0], {}), **nested[place[0]]}}
    return ModelSettings.model_validate({**QWEN_8B, **group, "engine": {"version": version}})


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("path", FIELDS)
def test_a_typed_setting_is_a_flag_of_the_release_or_refused(path: str, version: str) -> None:
    place, field = FIELDS[path]
    release = engine(version)
    for value in values(field, version):
        settings = model(place, value, version)
        said = Said(path, entry(field).choices(value))
        refused = [problem.path for problem in RELEASE.run("", settings)]
        assert (path in refused) == (said.known(release) is None)
        if path in refused:
            continue
        written = flags(settings, {}, release)
        known = said.known(release)
        assert known is not None
        assert (known[0] in written) == (known[1] is not False)
        parsed = vars(
            parse(version, ("--model-path", "x", *(arg for flag in written.items() for arg in render(release, *flag))))
        )
        assert known[1] is False or parsed[release.flags[known[0]].dest] not in (None, False)


def test_every_setting_is_known_to_some_release() -> None:
    for path, (_, field) in FIELDS.items():
        for value in (True, False) if isinstance(entry(field), Switch) else (64,):
            said = Said(path, entry(field).choices(value))
            assert any(said.known(engine(version)) for version in SUPPORTED), (path, value)


def test_no_flag_has_two_typed_settings() -> None:
    names = [name for _, field in FIELDS.values() for name, _ in entry(field).choices(True)]
    assert sorted(names) == sorted(set(names))
