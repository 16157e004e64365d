"""The engine's environment: what every rank needs, and what must never be set on AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from components.rules import Finding

CACHE: Final = "/root/.cache"
"""Where DeepGEMM, FlashInfer, Triton, torch and SGLang keep what they compile; on node-local NVMe it outlives a pod."""

POD_ADDRESS: Final = "POD_IP"
"""Variable with the pod's own address, there where another one refers to it."""


def environment(
    *,
    several_nodes: bool,
    efa: bool,
    offline: bool,
    extra: Mapping[str, str],
    transport: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment of one rank, in a stable order; `transport` are those of the KV cache's transport, `extra` the
    user's own, which come last.

    NCCL gets an exclusion, since a named interface hides the others and costs about 28x; gloo needs one name, and
    `eth0` is what the VPC CNI calls a pod's interface (awslabs/awsome-distributed-ai, dsv3-uccl-nixl).
    """
    variables = {
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/torchinductor",
        "SGLANG_DG_CACHE_DIR": f"{CACHE}/deep_gemm",
    }
    variables |= {"HF_HUB_OFFLINE": "1"} if offline else {"HF_HOME": f"{CACHE}/huggingface"}
    if several_nodes:
        variables |= {"NCCL_SOCKET_IFNAME": "^lo,docker,veth", "GLOO_SOCKET_IFNAME": "eth0"}
    if efa:
        variables |= {"FI_PROVIDER": "efa"}
    return variables | dict(transport or {}) | dict(extra)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a variable may not be set, and what to do."""

    why: str
    fix: str

    def finding(self, name: str) -> Finding:
        """The refusal of a variable."""
        return Finding(f"environment.{name}", f"{name} {self.why}", self.fix)


_INFINIBAND: Final = Refusal("is read by InfiniBand transports only, and EFA is none", "remove it")
_SECRET: Final = Refusal("would be readable in the pod and in the state", "name a secret of the stack instead")
_OWNED: Final = Refusal("is set by the program", "remove it")

INFINIBAND_PREFIXES: Final = (
    "NCCL_IB_", "NVSHMEM_HCA_", "NVSHMEM_IB_", "NVSHMEM_ENABLE_NIC_PE_MAPPING", "MC_IB_", "MC_GID_INDEX", "MC_MTU",
)  # fmt: skip
"""Prefixes that only InfiniBand uses; upstream examples for LeaderWorkerSet set them. `MC_` ones are read by Mooncake's
RDMA transport (kvcache-ai/Mooncake docs: transfer engine)."""

_SECRET_SUFFIXES: Final = ("_TOKEN", "_KEY", "_PASSWORD", "_SECRET")
_PUBLIC: Final = frozenset({"SGLANG_LOG_DECODE_GRAPH_KEY", "SGLANG_USE_AITER_FP8_PER_TOKEN"})
"""Variables of the engine that only sound like secrets."""

REFUSED: Final = {
    "HF_TOKEN": _SECRET,
    "HUGGING_FACE_HUB_TOKEN": _SECRET,
    "AWS_ACCESS_KEY_ID": _SECRET,
    "AWS_SECRET_ACCESS_KEY": _SECRET,
    "AWS_SESSION_TOKEN": _SECRET,
    "SGLANG_API_KEY": _SECRET,
    "HF_HOME": _OWNED,
    "HF_HUB_OFFLINE": _OWNED,
    "LWS_LEADER_ADDRESS": Refusal("is injected by LeaderWorkerSet", "remove it"),
    "LWS_GROUP_SIZE": Refusal("is injected by LeaderWorkerSet", "remove it"),
    "LWS_WORKER_INDEX": Refusal("is injected by LeaderWorkerSet", "remove it"),
    "MOONCAKE_TRANSPORT": Refusal("is read by nothing in SGLang or Mooncake", "use MC_FORCE_TCP=1 for TCP"),
}
"""Variables that cannot be right, by name."""

DISCOURAGED: Final = {
    "FI_EFA_FORK_SAFE": Refusal("is not needed from kernel 5.15 on and slows registration", "remove it"),
    "RDMAV_FORK_SAFE": Refusal("is not needed from kernel 5.15 on", "remove it"),
    "RDMAV_HUGEPAGES_SAFE": Refusal("is not needed from kernel 5.15 on", "remove it"),
    "NCCL_ALGO": Refusal("overrules the OFI plugin's tuner", "remove it"),
    "NCCL_PROTO": Refusal("overrules the OFI plugin's tuner", "remove it"),
    "NCCL_BUFFSIZE": Refusal("overrules what the OFI plugin sets for the instance type", "remove it"),
    "NCCL_MIN_NCHANNELS": Refusal("overrules the OFI plugin's tuner", "remove it"),
    "NCCL_TUNER_PLUGIN": Refusal("names a tuner that is compiled into the OFI plugin already", "remove it"),
    "MC_MAX_WR": Refusal(
        "is not to be set where Mooncake speaks EFA (kvcache-ai/Mooncake efa_transport.md)", "remove it"
    ),
    "NCCL_NET": Refusal(
        "stops every pod where its name is not the plugin's own, which differs between builds",
        "remove it: a missing plugin stops a pod of several nodes anyway",
    ),
}
"""Variables that work and cost, by name (awslabs/awsome-distributed-ai efa-cheatsheet.md)."""


def refused(variables: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for every variable that cannot be right on AWS."""
    for name, value in variables.items():
        refusal = REFUSED.get(name) or (_INFINIBAND if name.startswith(INFINIBAND_PREFIXES) else _by_value(name, value))
        if refusal:
            yield refusal.finding(name)


def discouraged(variables: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for every variable that works and costs."""
    for name in variables:
        if refusal := DISCOURAGED.get(name):
            yield refusal.finding(name)


def _by_value(name: str, value: str) -> Refusal | None:
    if name.endswith(_SECRET_SUFFIXES) and name not in _PUBLIC:
        return _SECRET
    if "mlx5" in value:
        return Refusal(f"names the InfiniBand device {value}, and AWS has none", "remove it")
    if name == "NCCL_NET_PLUGIN" and value.lower() == "none":
        return Refusal("is none, which turns the OFI plugin off, so that NCCL runs over TCP", "remove it")
    if name == "NCCL_SOCKET_IFNAME" and not value.startswith("^"):
        return Refusal(
            f"is {value}, which hides the node's other interfaces from NCCL", "use an exclusion: ^lo,docker,veth"
        )
    if name == "GLOO_SOCKET_IFNAME" and value.startswith("^"):
        return Refusal(f"is {value}, an exclusion, and gloo wants a name", "use eth0")
    if name == "FI_PROVIDER" and value != "efa":
        return Refusal(f"is {value}, which is not the provider of EFA interfaces", "use efa, or remove it")
    return None
