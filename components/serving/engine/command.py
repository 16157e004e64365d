"""The container's command: what happens before the engine starts, the same on every rank."""

from __future__ import annotations

from typing import Final

PORT: Final = 30000
"""The engine's HTTP port: API, health and metrics."""
RENDEZVOUS_PORT: Final = 20000
"""The port on which rank 0 gathers the others; a data-parallel controller takes the next five."""

_WAIT_FOR_LEADER: Final = """\
until getent hosts "$LWS_LEADER_ADDRESS" > /dev/null; do sleep 1; done
"""
"""Rank 0 binds to its own name and the others connect to it: both fail before DNS has it (sglang#8338, #8249)."""

_LIBFABRIC: Final = """\
export LD_LIBRARY_PATH="/opt/amazon/efa/lib:/opt/amazon/efa/lib64:${LD_LIBRARY_PATH:-}"
"""
"""A transport that finds another libfabric first has no EFA (ai-dynamo/dynamo eks/efa.md)."""

_REQUIRE_PLUGIN: Final = """\
plugin=""
for library in libnccl-net-ofi.so libnccl-net.so; do
  if python3 -c "import ctypes, sys; ctypes.CDLL(sys.argv[1])" "$library" 2> /dev/null; then
    plugin="$library"
    break
  fi
done
if [ -z "$plugin" ]; then
  echo "This image has no NCCL plugin for EFA: NCCL would silently run over TCP." >&2
  exit 1
fi
if [ "$plugin" = libnccl-net-ofi.so ]; then export NCCL_NET_PLUGIN="${NCCL_NET_PLUGIN:-ofi}"; fi
"""
_REQUIRE_DEVICE: Final = """\
if command -v /opt/amazon/efa/bin/fi_info > /dev/null && ! /opt/amazon/efa/bin/fi_info -p efa > /dev/null 2>&1; then
  echo "This pod sees no EFA device: %s would silently run over TCP." >&2
  exit 1
fi
"""
"""A missing plugin, or one that would find no device, must stop the pod. `NCCL_NET` would do the first too, but the
plugin's name there differs between builds ("Libfabric", "AWS Libfabric"), and a wrong one stops every pod. Installers
from 1.44 on ship only the `-ofi` name, which NCCL does not look for by itself (awslabs/awsome-distributed-ai
efa-cheatsheet.md)."""

_LAUNCH: Final = """\
exec python3 -m sglang.launch_server "$@"
"""
"""`exec`, so that the engine is the process that gets SIGTERM and drains (sglang tokenizer_manager.py)."""


def command(*, several_nodes: bool, efa: bool, libfabric: bool = False) -> tuple[str, ...]:
    """The container's `command`; the engine's own arguments follow as `args`, untouched by the shell.

    `efa`: the pod has EFA interfaces; `libfabric`: the KV cache travels over them.
    """
    steps = [
        "set -eu\n",
        _WAIT_FOR_LEADER if several_nodes else "",
        _LIBFABRIC if libfabric else "",
        _REQUIRE_PLUGIN if efa and several_nodes else "",
        _REQUIRE_DEVICE % ("NCCL" if several_nodes else "the KV cache") if efa else "",
        _LAUNCH,
    ]
    return ("bash", "-c", "".join(steps), "sglang")
