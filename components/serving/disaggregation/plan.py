"""How one phase of a model hands the KV cache over, resolved. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.serving.disaggregation.transports import TRANSPORTS, Transport
from components.serving.engine.arguments import Phase
from components.serving.group.labels import members
from components.serving.names import DECODE, PREFILL, SERVE, group_name

if TYPE_CHECKING:
    from components.serving.disaggregation.settings import DecodeSettings
    from components.serving.engine.settings import ArgumentValue
    from components.serving.layout.settings import ParallelismSettings
    from components.serving.roles import Role
    from components.serving.settings import ModelSettings

BOOTSTRAP_ANNOTATION: Final = "sglang.ai/bootstrap-port"
"""On prefill's pods: where routers read the bootstrap port (sglang-router 0.3.2 router_args.py:55)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One phase's end of the transport. `peer` is the group of the other phase, `peers` the labels of its pods;
    `bootstrap_port` is None for decode, which serves none.
    """

    transport: Transport
    phase: Phase
    peer: str
    peers: dict[str, str]
    bootstrap_port: int | None
    variables: dict[str, str]

    @property
    def efa(self) -> bool:
        """Whether the KV cache travels over EFA."""
        return self.transport.efa

    @property
    def privileged(self) -> bool:
        """Whether the pods must be privileged."""
        return self.transport.privileged

    @property
    def annotations(self) -> dict[str, str]:
        """What routers read on the phase's pods."""
        return {BOOTSTRAP_ANNOTATION: str(self.bootstrap_port)} if self.bootstrap_port else {}


def transport_efa(model: ModelSettings) -> bool:
    """Whether every pod of a model takes EFA interfaces for the KV cache."""
    return model.disaggregation is not None and TRANSPORTS[model.disaggregation.transport].efa


def plan_transfer(role: Role) -> Transfer | None:
    """The transfer of a role; None for one that serves both phases."""
    split = role.model.disaggregation
    if split is None or role.name == SERVE:
        return None
    transport = TRANSPORTS[split.transport]
    version = role.model.engine.version
    prefill = role.name == PREFILL
    there = split.decode if prefill else split.prefill
    other = DECODE if prefill else PREFILL
    peer = group_name(role.model.name, other)
    return Transfer(
        transport=transport,
        phase=Phase(
            mode=role.name,
            backend=transport.backend_of(version),
            bootstrap_port=split.bootstrap_port,
            options={} if prefill else {flag: value for _, flag, value in decode_options(split.decode)},
            asked=_of_decode(there.parallelism) if prefill else _of_prefill(there.parallelism),
        ),
        peer=peer,
        peers=members(peer, other, role.set_name),
        bootstrap_port=split.bootstrap_port if prefill else None,
        variables=transport.environment(version),
    )


def decode_options(decode: DecodeSettings) -> Iterator[tuple[str, str, ArgumentValue]]:
    """What decode alone is told, where it is set: name of the setting, flag, value."""
    for name, flag, value in (
        ("reservedTokens", "--num-reserved-decode-tokens", decode.reserved_tokens),
        ("extraSlots", "--disaggregation-decode-extra-slots", decode.extra_slots),
        ("pollingInterval", "--disaggregation-decode-polling-interval", decode.polling_interval),
        ("radixCache", "--disaggregation-decode-enable-radix-cache", decode.radix_cache or None),
        ("offloadKvCache", "--disaggregation-decode-enable-offload-kvcache", decode.offload_kv_cache or None),
    ):
        if value is not None:
            yield name, flag, value


def _of_decode(ranks: ParallelismSettings) -> dict[str, ArgumentValue]:
    """What prefill must be told of decode in 0.5.8; later releases learn it from each other at run time."""
    return {"--disaggregation-decode-tp": ranks.tensor, "--disaggregation-decode-dp": ranks.data}


def _of_prefill(ranks: ParallelismSettings) -> dict[str, ArgumentValue]:
    """What decode must be told of prefill in 0.5.8."""
    return {"--disaggregation-prefill-pp": ranks.pipeline}
