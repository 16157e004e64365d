"""What each KV cache transport asks of engine, image, node and pod. Pure data.

Sources: sglang disaggregation/{mooncake,nixl}/conn.py and distributed/device_communicators/mooncake_transfer_engine.py
of 0.5.8 to 0.5.23; ai-dynamo/dynamo docs/kubernetes/cloud-providers/eks/efa.md; Mooncake
docs/source/design/transfer-engine/efa_transport.md; awslabs/awsome-distributed-ai serve-pd.sh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from components.facts.engines import at_least

TransportName = Literal["nixl-libfabric", "mooncake-efa", "mooncake-tcp"]
"""Transports that work on AWS."""

TCP_BACKEND_SINCE: Final = "0.5.13"
"""Since then the engine has a backend `mooncake_tcp`; before, a variable of Mooncake's own forces TCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """One transport. `backend` is the engine's name of it, `since` the first release that can use it.

    `efa`: every pod of both phases takes its node's EFA interfaces, in an image that has EFA's libfabric.
    `privileged`: registering GPU memory was shown to work in privileged pods alone. `mooncake_wheel`: the image
    needs Mooncake's EFA wheel, which no known image carries. `refused` are variables that break it, with the reason.
    """

    name: str
    backend: str
    since: str
    efa: bool
    privileged: bool
    mooncake_wheel: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def backend_of(self, version: str) -> str:
        """The value of `--disaggregation-transfer-backend` in a release."""
        if self.backend == "mooncake_tcp" and not at_least(version, TCP_BACKEND_SINCE):
            return "mooncake"
        return self.backend

    def environment(self, version: str) -> dict[str, str]:
        """Variables of every pod of both phases."""
        forced = self.backend == "mooncake_tcp" and not at_least(version, TCP_BACKEND_SINCE)
        return {**PATIENCE, **self.variables, **({"MC_FORCE_TCP": "1"} if forced else {})}


PATIENCE: Final = {
    "SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT": "600",
    "SGLANG_DISAGGREGATION_WAITING_TIMEOUT": "600",
}
"""Seconds that each phase waits for the other; the engine's own 300 give requests up under load (sglang
docs/advanced_features/pd_disaggregation.md)."""

_EFA: Final = {
    "FI_PROVIDER": "efa",
    "FI_EFA_USE_DEVICE_RDMA": "1",
    # Within a node GPU buffers would go through shared memory and crash (ofiwg/libfabric#12328).
    "FI_EFA_ENABLE_SHM_TRANSFER": "0",
}

TRANSPORTS: Final[dict[str, Transport]] = {
    row.name: row
    for row in (
        Transport(
            name="nixl-libfabric",
            backend="nixl",
            since="0.5.9",
            efa=True,
            privileged=True,
            variables={**_EFA, "SGLANG_DISAGGREGATION_NIXL_BACKEND": "LIBFABRIC"},
            refused={"SGLANG_DISAGGREGATION_NIXL_BACKEND": "decides the backend, which is disaggregation.transport"},
        ),
        Transport(
            name="mooncake-efa",
            backend="mooncake",
            since="0.5.13",
            efa=True,
            privileged=True,
            mooncake_wheel=True,
            variables={**_EFA, "FI_HMEM": "cuda", "MC_FORCE_AUTO_DISCOVERY": "1", "MOONCAKE_PROTOCOL": "efa"},
            refused={
                "MC_MAX_WR": "overruns the queues of EFA's devices",
                "MC_FORCE_TCP": "takes the transfers off EFA, which is disaggregation.transport",
                "MOONCAKE_PROTOCOL": "decides the protocol, which is disaggregation.transport",
                "SGLANG_MOONCAKE_CUSTOM_MEM_POOL": "cannot be registered with EFA",
            },
        ),
        Transport(
            name="mooncake-tcp",
            backend="mooncake_tcp",
            since="0.5.8",
            efa=False,
            privileged=False,
            refused={"MOONCAKE_PROTOCOL": "decides the protocol, which is disaggregation.transport"},
        ),
    )
}
"""Every transport by name."""
