"""What every settings model shares: camelCase keys, no unknown key, and the value types of the domain.

Pure: imports no Pulumi.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


class Settings(BaseModel):
    """Base of all settings: frozen, camelCase in the file, a docstring under each field, an unknown key is an error.

    Field types and ranges belong to the model; whatever involves two fields is a rule (`components.rules`), so that one
    fault never hides another.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
        str_strip_whitespace=True,
    )


DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
"""A DNS-1035 label: what Kubernetes takes as the name of a Service or a LeaderWorkerSet."""

NodeLabels = dict[
    Annotated[
        str, StringConstraints(pattern=r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$", max_length=317)
    ],
    Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$", max_length=63)],
]
"""Kubernetes labels: key with an optional prefix, value of at most 63 characters."""

Ipv4Cidr = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$")]
"""An IPv4 network in CIDR notation; that it is a real network is a rule, which can say how to mend it."""

Arn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:.+$", max_length=2048)]
"""Any Amazon Resource Name."""

ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z]{3,4}\d-az\d$")]
"""An availability zone id (`use1-az6`): the same place in every account, where a zone name (`us-east-1a`) is not."""

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
"""An AWS region, e.g. `us-east-1`."""

Repository = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:/-]*[a-z0-9]$", max_length=255)]
"""An image repository without tag or digest."""

Sha256Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""The digest of an image."""

_QUANTITY = re.compile(r"^\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?$")


def _quantity(value: str) -> str:
    if not _QUANTITY.match(value):
        raise ValueError("not a Kubernetes quantity such as 500m, 8 or 16Gi")
    return value


Quantity = Annotated[str, AfterValidator(_quantity)]
"""A Kubernetes quantity as text: `500m`, `8`, `16Gi`."""

PositiveInt = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Taint(Settings):
    """A Kubernetes taint; the tolerations of what runs on the pool are derived from it, never written twice."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=317)]
    """Key, e.g. `nvidia.com/gpu`."""
    value: Annotated[str, StringConstraints(max_length=63)] = "true"
    """Value; EKS and HyperPod both want one."""
    effect: Annotated[str, StringConstraints(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$")] = "NoSchedule"
    """What happens to a pod that does not tolerate it."""

    def toleration(self) -> dict[str, str]:
        """The toleration that answers this taint."""
        return {"key": self.key, "operator": "Equal", "value": self.value, "effect": self.effect}
