"""`size`: the layouts in which a model fits nodes of a type, and why it does not fit in the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from infra.cli.console import fail, out, write

if TYPE_CHECKING:
    from components.facts.instances import Instance
    from components.facts.model_facts import ModelFacts
    from components.serving.settings import ModelSettings

_OPTIONS: Final = {
    "model": "--model",
    "contextLength": "--context",
    "memFractionStatic": "--mem-fraction-static",
    "kvCacheDtype": "--kv-cache-dtype",
    "quantization": "--quantization",
}
_EXAMPLES: Final = {"memFractionStatic": ", a share of the GPU's memory such as 0.85"}
"""The option behind each setting that a message may name."""


def size(
    model: Annotated[str, typer.Option("--model", metavar="M", help="Hugging Face id, e.g. Qwen/Qwen3-30B-A3B.")],
    instance_type: Annotated[
        str, typer.Option("--instance-type", metavar="T", help="EC2 or HyperPod type, e.g. ml.p5en.48xlarge.")
    ],
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes", metavar="N", min=1, max=64, help="Nodes of a replica; by default as many as it takes, up to 16."
        ),
    ] = None,
    context: Annotated[
        int | None,
        typer.Option("--context", metavar="C", min=1, help="Longest request in tokens; by default the model's own."),
    ] = None,
    tensor: Annotated[
        int | None, typer.Option("--tensor", metavar="T", min=1, help="Only layouts with this many tensor ranks.")
    ] = None,
    mem_fraction_static: Annotated[
        float | None,
        typer.Option(
            "--mem-fraction-static", metavar="F", help="Share of memory for weights and KV; by default the engine's."
        ),
    ] = None,
    kv_cache_dtype: Annotated[
        str, typer.Option("--kv-cache-dtype", metavar="D", help="Type of the KV cache, e.g. fp8_e4m3.")
    ] = "auto",
    quantization: Annotated[
        str | None,
        typer.Option(
            "--quantization", metavar="Q", help="Quantization at load time; by default the checkpoint's own precision."
        ),
    ] = None,
    engine_version: Annotated[
        str | None, typer.Option("--engine-version", metavar="V", help="SGLang release, e.g. 0.5.17.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every layout as JSON.")] = False,
    model_config: Annotated[
        Path | None,
        typer.Option("--model-config", metavar="FILE", help="The config.json of a model that is not known here."),
    ] = None,
) -> None:
    """List the layouts of a model on nodes of a type: those that fit, best first, and why the others do not.

    Exit status 0 also where none fits, since that is an answer; 2 for what cannot be sized.
    """
    from components.serving.layouts import MOST_NODES, layouts
    from infra.report.layouts import layouts_json, print_layouts

    node = _node(instance_type)
    configuration = _configuration(model_config) if model_config else None
    facts = _facts(model, configuration)
    asked = {
        "contextLength": context,
        "memFractionStatic": mem_fraction_static,
        "kvCacheDtype": kv_cache_dtype,
        "quantization": quantization,
        "configuration": configuration,
        "engine": _release(engine_version),
    }
    settings = _settings(facts.id, {key: value for key, value in asked.items() if value is not None})
    found = layouts(settings, node, nodes=nodes, tensor=tensor)
    if not found:
        _refuse(_no_such_tensor(settings, node, nodes, tensor))
    if as_json:
        write("-", json.dumps(layouts_json(found), indent=2) + "\n")
    else:
        print_layouts(out(), found, settings, facts, node, most_nodes=nodes or MOST_NODES)


def _node(instance_type: str) -> Instance:
    from components.facts.instances import UnknownInstance, instance

    try:
        node = instance(instance_type)
    except UnknownInstance as error:
        _refuse(str(error))
    if node.gpu is None:
        _refuse(f"{instance_type} has no GPUs")
    return node


def _facts(model: str, configuration: dict[str, Any] | None) -> ModelFacts:
    """The numbers of the model's own `config.json` where that is given, else of the table."""
    from components.facts import models
    from components.facts.model_config import from_config

    try:
        if configuration is None:
            return models.model(model)
        return from_config(model if "/" in model else f"local/{model}", configuration)
    except models.UnknownModel as error:
        _refuse(f"{error}; --model-config FILE takes the config.json of any other")
    except KeyError as error:
        _refuse(f"{model}: config.json has no {error.args[0]}")
    except ValueError as error:
        _refuse(str(error))


def _configuration(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except OSError as error:
        _refuse(f"{file}: {error.strerror}")
    except ValueError as error:
        _refuse(f"{file} is not JSON: {error}")
    if not isinstance(content, dict):
        _refuse(f"{file} is no config.json: it holds no object")
    return content


def _release(version: str | None) -> dict[str, str] | None:
    from components.facts.engines import UnsupportedEngine, engine

    if version is None:
        return None
    try:
        return {"version": engine(version).version}
    except UnsupportedEngine as error:
        _refuse(str(error))


def _settings(model: str, asked: dict[str, Any]) -> ModelSettings:
    """The model as a stack file would have it; what its rules refuse here ends the command."""
    from pydantic import ValidationError

    from components.serving.settings import ModelSettings
    from infra.settings.explain import explain

    try:
        settings = ModelSettings.model_validate({"name": "size", "nodePool": "size", "model": model, **asked})
    except ValidationError as error:
        told = ((str(fault["loc"][0]), *explain(dict(fault), ModelSettings)) for fault in error.errors())
        _refuse("; ".join(f"{_option(name)}: {said}; {fix}{_EXAMPLES.get(name, '')}" for name, said, fix in told))
    if refused := list(_refusals(settings)):
        _refuse("; ".join(refused))
    return settings


def _refusals(settings: ModelSettings) -> Iterator[str]:
    """What the rules of a stack file say of the options, which are its settings by other names."""
    from components.serving.engine.rules import the_memory_can_be_sized, typed_settings_are_choices_of_the_release
    from components.serving.layout.rules import the_context_is_not_longer_than_the_model

    said = set()
    for rule in (
        the_memory_can_be_sized,
        typed_settings_are_choices_of_the_release,
        the_context_is_not_longer_than_the_model,
    ):
        for finding in rule(settings):
            if finding.path not in said:
                yield f"{_option(finding.path)}: {finding.message}; {finding.fix}"
            said.add(finding.path)


def _refuse(message: str) -> NoReturn:
    """End the command; names of files and patterns may have brackets, which are no markup."""
    from rich.markup import escape

    fail(escape(message))


def _option(setting: str) -> str:
    return _OPTIONS.get(setting, setting)


def _no_such_tensor(settings: ModelSettings, node: Instance, nodes: int | None, tensor: int | None) -> str:
    from components.serving.layouts import MOST_NODES, layouts
    from infra.report.figures import count

    possible = sorted({layout.ranks.tensor for layout in layouts(settings, node, nodes=nodes or 1)})
    group = count(nodes, "node") if nodes else f"up to {MOST_NODES} nodes"
    return (
        f"tensor {tensor} divides no group of {group} of {node.name}; "
        f"{count(nodes or 1, 'such node')} can have tensor {', '.join(map(str, possible))}"
    )
