"""The router of a model, resolved. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.facts import pins
from components.serving.engine.command import PORT
from components.serving.engine.image import ImagePlan
from components.serving.group.labels import leaders
from components.serving.names import NAMESPACE, PREFILL, ROUTER_NAMESPACE, SERVE
from components.serving.pods.probes import DRAIN_SECONDS
from components.serving.roles import roles
from components.serving.router.arguments import command_line, decode_policy, discovery, launch_command, prefill_policy

if TYPE_CHECKING:
    from components.serving.router.settings import RouterImageSettings, RouterSettings
    from components.serving.settings import ModelSettings

_NO_HUB: Final = "http://127.0.0.1:9"
"""A router of HTTP workers needs no tokenizer, yet it asks the hub for one under the engine's local path. Its way out
is closed, and a refused connection is over sooner than one that nobody answers (seen with 0.3.2)."""

_LAST_SECONDS: Final = 5
"""Seconds between the end of the drain and the kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPlan:
    """The routers in front of one model. `leaders` are the labels of the pods to which they send requests, by role;
    `shutdown_seconds` how long a stopped router serves the requests that it has. `ready_path` is what its readiness
    probe asks for: whether it knows a group, or, of a model that may have none, whether it runs.
    """

    name: str
    settings: RouterSettings
    image: ImagePlan
    leaders: dict[str, dict[str, str]]
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: dict[str, str]
    shutdown_seconds: int
    ready_path: str = "/readiness"
    namespace: str = ROUTER_NAMESPACE

    @property
    def replicas(self) -> int:
        """Routers."""
        return self.settings.replicas

    @property
    def policies(self) -> dict[str, str]:
        """How a group is chosen, by role."""
        of_role = {SERVE: self.settings.policy, PREFILL: prefill_policy(self.settings)}
        return {role: of_role.get(role, decode_policy(self.settings)) for role in self.leaders}

    @property
    def api_key(self) -> bool:
        """Whether clients must send a key."""
        return self.settings.api_key_secret is not None

    @property
    def grace_period_seconds(self) -> int:
        """Seconds until a stopping pod is killed: time for load balancers to notice, then for its requests."""
        return DRAIN_SECONDS + self.shutdown_seconds + _LAST_SECONDS

    @property
    def endpoint(self) -> str:
        """Base URL inside the cluster."""
        return f"http://{self.name}.{self.namespace}.svc.cluster.local:{PORT}/v1"


def plan_router(model: ModelSettings) -> RouterPlan | None:
    """The router of a model; None where it has none."""
    settings = model.router
    if settings is None:
        return None
    # A worker's rank 1 answers /health with 200 and requests with 404 (sglang 0.5.8 utils/common.py:2541-2590).
    labels = {role.name: leaders(role.pods) for role in roles(model)}
    shutdown = max(role.settings.grace_period_seconds for role in roles(model))
    return RouterPlan(
        name=model.name,
        settings=settings,
        image=resolve_router_image(settings.image),
        leaders=labels,
        command=launch_command(api_key=settings.api_key_secret is not None),
        arguments=command_line(
            settings,
            discovery(labels, NAMESPACE),
            shutdown_seconds=shutdown,
            phases=model.disaggregation is not None,
        ),
        environment={"HF_ENDPOINT": _NO_HUB, **settings.environment},
        shutdown_seconds=shutdown,
        # A router that waits for a group would hold every update up while its model sleeps.
        ready_path="/liveness" if model.fewest_groups == 0 else "/readiness",
    )


def resolve_router_image(given: RouterImageSettings) -> ImagePlan:
    """The router's image; a repository given alone is a mirror and carries the known tag."""
    known = pins.SGLANG_ROUTER
    alone = given.digest is not None and given.repository is not None
    tag = given.tag or (None if alone else known.tag)
    return ImagePlan(given.repository or known.repository, tag, given.digest, None, None)
