"""The store of a model, resolved: its master, and what an engine's rank is told of it. Pure.

Mooncake's clients find each other by the master and shake hands directly (`P2PHANDSHAKE`), so that there is no metadata
service (kvcache-ai/Mooncake docs: Mooncake on Kubernetes). They speak TCP: the images carry no Mooncake with EFA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.facts.engines import at_least
from components.serving.engine.environment import POD_ADDRESS
from components.serving.names import NAMESPACE
from components.serving.roles import roles

if TYPE_CHECKING:
    from components.serving.engine.image import ImagePlan
    from components.serving.mooncake.settings import MasterResourceSettings, OwnStoreSettings
    from components.serving.settings import ModelSettings

RPC_PORT: Final = 50051
METRICS_PORT: Final = 9003
"""The master's own defaults (mooncake_master --help, 0.3.7.post2 to 0.3.13.post1)."""

FIRST_PORT: Final = 15000
LAST_PORT: Final = 15199
"""Ports that ranks choose from, one for handshakes and one for pages each (mooncake-transfer-engine config.cpp).
Mooncake's own range goes to 17000; 200 are enough for a pod of 8 ranks."""

PER_STAGE_SINCE: Final = "0.5.23"
"""Since then SGLang shares a segment out among the ranks of all pipeline stages, before among those of one."""

_OBJECT_BYTES: Final = 1024
"""Memory of the master for each object that it knows, rounded up: 0.9 KiB (0.3.13.post1, seen with 20,000)."""

_EMPTY_BYTES: Final = 64 * 2**20
"""Memory of the master without any: 55 MiB, seen."""

_LAUNCH: Final = """\
import importlib.util, os, shutil, sys
spec = importlib.util.find_spec("mooncake")
beside = [os.path.join(folder, "mooncake_master") for folder in (spec.submodule_search_locations if spec else ())]
program = next((file for file in beside if os.access(file, os.X_OK)), None) or shutil.which("mooncake_master")
if program is None:
    sys.exit("this image has no mooncake_master")
os.execv(program, [program, *sys.argv[1:]])
"""
"""The wheel's own command `mooncake_master` first changes the program's mode, which takes its owner and a root file
system that can be written (mooncake/cli.py); the program itself needs neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlan:
    """The master of one model's store. `groups` are those whose ranks are its clients, with the labels of
    their pods.
    """

    name: str
    image: ImagePlan
    arguments: tuple[str, ...]
    resources: MasterResourceSettings
    groups: dict[str, dict[str, str]]
    namespace: str = NAMESPACE

    @property
    def command(self) -> tuple[str, ...]:
        """What the container runs; `arguments` follow."""
        return ("python3", "-c", _LAUNCH)


def own_store(settings: ModelSettings) -> OwnStoreSettings | None:
    """The store that the stack deploys for a model, or for a role of one, where there is one."""
    cache = settings.hierarchical_cache
    return cache.storage.mooncake.deploy if cache and cache.storage and cache.storage.mooncake else None


def has_store(model: ModelSettings) -> bool:
    """Whether the stack deploys a store for a model, or for a phase of one."""
    return any(own_store(role.settings) for role in roles(model))


def store_name(model: str) -> str:
    """Name of the master of a model's store, and of its Service."""
    return f"{model}-store"


def plan_store(model: ModelSettings, image: ImagePlan) -> StorePlan | None:
    """The master of a model's store; None where no role of it has one. It runs the engines' image, whose Mooncake is
    that of its clients.
    """
    clients = [(role, own) for role in roles(model) if (own := own_store(role.settings))]
    if not clients:
        return None
    own = clients[0][1]
    return StorePlan(
        name=store_name(model.name),
        image=image,
        arguments=(
            f"--rpc_port={RPC_PORT}",
            f"--metrics_port={METRICS_PORT}",
            f"--eviction_high_watermark_ratio={own.high_watermark:g}",
            f"--eviction_ratio={own.evicted_share:g}",
            "--enable_metric_reporting=false",
            "--logtostderr=true",
        ),
        resources=own.resources,
        groups={role.group: role.pods for role, _ in clients},
    )


def client_environment(settings: ModelSettings, model: str) -> dict[str, str]:
    """What a rank reads of the store (sglang mem_cache/storage/mooncake_store/mooncake_store.py: load_from_env)."""
    own = own_store(settings)
    if own is None:
        return {}
    return {
        "MOONCAKE_MASTER": f"{store_name(model)}.{NAMESPACE}.svc.cluster.local:{RPC_PORT}",
        "MOONCAKE_TE_META_DATA_SERVER": "P2PHANDSHAKE",
        "MOONCAKE_PROTOCOL": "tcp",
        "MOONCAKE_GLOBAL_SEGMENT_SIZE": str(own.segment_gib * 2**30 * _sharers(settings)),
        "MOONCAKE_LOCAL_HOSTNAME": f"$({POD_ADDRESS})",
        # Releases before 0.3.12 know the misspelt names alone, and later ones both.
        "MC_MIN_PRC_PORT": str(FIRST_PORT),
        "MC_MAX_PRC_PORT": str(LAST_PORT),
    }


def master_gib(objects: float) -> float:
    """GiB of memory that the master takes for so many objects."""
    return (_EMPTY_BYTES + objects * _OBJECT_BYTES) / 2**30


def _sharers(settings: ModelSettings) -> int:
    """Ranks among which SGLang shares a segment out: those that split one request's attention."""
    ranks = settings.parallelism
    tensor = ranks.tensor // ranks.data if ranks.dp_attention else ranks.tensor
    stages = ranks.pipeline if at_least(settings.engine.version, PER_STAGE_SINCE) else 1
    return tensor * stages
