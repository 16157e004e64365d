"""Register recorded resources again, one after the other and without components: the least that a preview could do."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pulumi

_PACKAGES = {
    "aws": "pulumi_aws",
    "aws-native": "pulumi_aws_native",
    "kubernetes": "pulumi_kubernetes",
    "eks": "pulumi_eks",
}


def load(path: str) -> list[dict[str, Any]]:
    """The resources of a preview's JSON that a program registers itself, components left out."""
    resources = json.loads(Path(path).read_text())["resources"]
    return [r for r in resources if not r["made_by"] and (not r["component"] or r["type"] == "eks:index:Cluster")]


def classes(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The SDK's class of each type, with the modules that it loads only when the first resource is registered."""
    importlib.import_module("pulumi_kubernetes.meta.v1")
    return {kind: _class(kind) for kind in {resource["type"] for resource in resources}}


def _class(kind: str) -> Any:
    package, module, name = kind.split(":")
    if package == "pulumi":
        return importlib.import_module(_PACKAGES[name]).Provider
    sdk = importlib.import_module(_PACKAGES[package])
    if package == "kubernetes":
        return _kubernetes_class(sdk, module, name)
    group = module.split("/", maxsplit=1)[0]
    return getattr(sdk if group == "index" else getattr(sdk, group), name)


def _kubernetes_class(sdk: Any, api_version: str, name: str) -> Any:
    """Groups are packages by their first part (`networking.k8s.io/v1` is `networking.v1`); others are custom."""
    group, _, version = api_version.partition("/")
    found = getattr(sdk, group.split(".")[0], None)
    return getattr(getattr(found, version, None), name, None) or sdk.apiextensions.CustomResource


def register(resources: list[dict[str, Any]]) -> None:
    """Register everything, with the same inputs, dependencies and options."""
    known = classes(resources)
    made: dict[str, Any] = {}
    for resource in resources:
        cls = known[resource["type"]]
        after = [made[urn] for urn in resource["depends_on"] if urn in made]
        opts = pulumi.ResourceOptions(
            depends_on=after, provider=made.get(resource["provider"]), protect=resource["protect"]
        )
        inputs = {key: _value(value, resource, key, made) for key, value in resource["inputs"].items()}
        made[resource["urn"]] = cls(resource["name"], **_arguments(cls, inputs), opts=opts)


class _Echo(pulumi.runtime.Mocks):
    """Mocks that give every input back, as most tests of Pulumi programs have them."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return args.name, args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError(args.token)


def register_with_mocks(resources: list[dict[str, Any]]) -> None:
    """Register everything against the mocks of the SDK."""
    pulumi.runtime.set_mocks(_Echo(), preview=True)
    pulumi.runtime.test(lambda: register(resources))()


def _value(value: Any, resource: dict[str, Any], key: str, made: dict[str, Any]) -> Any:
    """An input again; what was unknown is the identifier, or URN, of a resource that it came from."""
    if isinstance(value, dict) and set(value) == {"$unknown"}:
        sources = [made[urn] for urn in resource["property_dependencies"].get(key, ()) if urn in made]
        return getattr(sources[0], "id", sources[0].urn) if sources else "unknown"
    if isinstance(value, dict) and set(value) == {"asset"}:
        return pulumi.StringAsset(str(value["asset"]))
    if isinstance(value, dict):
        return {name: _value(item, resource, key, made) for name, item in value.items()}
    if isinstance(value, list):
        return [_value(item, resource, key, made) for item in value]
    return value


def _arguments(cls: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(getattr(cls, "_internal_init", cls.__init__)).parameters
    names = {_camel(name): name for name in parameters}
    return {
        names.get(key, key): value for key, value in inputs.items() if key in names or cls.__name__ == "CustomResource"
    }


def _camel(name: str) -> str:
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)
