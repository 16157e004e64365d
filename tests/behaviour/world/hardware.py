"""What the exporters on a GPU node export: DCGM, and the node's own."""

from __future__ import annotations

from collections.abc import Mapping

from tests.behaviour.world.conditions import Conditions
from tests.behaviour.world.layout import EFA_DEVICES, GPUS, NAMESPACE, Pod
from tests.behaviour.world.target import Target

FAULTY = 4
"""Number of the pod whose first GPU reports `Conditions.xid`."""
MIB_TOTAL, MIB_USED = 81_559, 73_000


class GpuNode:
    """A node with its GPUs, held by one engine pod."""

    def __init__(self, pod: Pod, dcgm: Target, node: Target) -> None:
        self.pod, self.dcgm, self.node = pod, dcgm, node

    def step(self, seconds: float, wave: float, now: Conditions) -> None:
        """Let seconds pass; `wave` is between -1 and 1."""
        for gpu in range(GPUS):
            self._gpu(seconds, self._labels(gpu), 0.5 * wave + 0.2 * (gpu - 1.5), now)
        put = self.node
        put.count("node_network_receive_bytes_total", seconds * 4e6 * (1 + 0.2 * wave), device="ens32")
        put.count("node_network_transmit_bytes_total", seconds * 9e6 * (1 + 0.2 * wave), device="ens32")
        put.count("node_cpu_seconds_total", seconds * 0.7, cpu="0", mode="idle")
        put.count("node_cpu_seconds_total", seconds * 0.3, cpu="0", mode="user")
        put.gauge("node_memory_MemTotal_bytes", 2**41)
        put.gauge("node_memory_MemAvailable_bytes", 2**40 * 1.4)
        disk = {"device": "/dev/nvme0n1p1", "fstype": "xfs", "mountpoint": "/"}
        put.gauge("node_filesystem_size_bytes", 500e9, **disk)
        put.gauge("node_filesystem_avail_bytes", 310e9, **disk)

        for device in EFA_DEVICES if self.pod.role != "serve" else ():
            self._efa(seconds, wave, now, {"device": device, "port": "1"})

    def _efa(self, seconds: float, wave: float, now: Conditions, labels: Mapping[str, str]) -> None:
        size = seconds * 2.4e9 * (1 + 0.15 * wave) * (1 - 0.7 * now.fabric)
        packets, sending = size / 8900, 1.0 if self.pod.role == "prefill" else 0.6
        for name, amount in {
            "tx_bytes": size * sending,
            "rx_bytes": size * (1.6 - sending),
            "tx_pkts": packets * sending,
            "rx_pkts": packets * (1.6 - sending),
            "rx_drops": seconds * now.fabric * 0.3,
            "rdma_read_bytes": 0,
            "rdma_write_bytes": size * sending * 0.9,
            "rdma_read_wr_err": 0,
            "rdma_write_wr_err": seconds * now.fabric * 0.05,
            "retrans_pkts": packets * (0.0004 + 0.03 * now.fabric),
            "retrans_bytes": packets * (0.0004 + 0.03 * now.fabric) * 8900,
            "retrans_timeout_events": seconds * now.fabric * 0.2,
            "unresponsive_remote_events": seconds * now.fabric * 0.1,
        }.items():
            self.node.count(f"node_amazonefa_{name}", amount, **labels)

    def _gpu(self, seconds: float, labels: Mapping[str, str], wave: float, now: Conditions) -> None:
        put, busy = (
            self.dcgm,
            min(1.0, 0.3 + now.pressure * 0.6 + 0.03 * wave + (0.05 if self.pod.role == "serve" else 0)),
        )
        power = 140 + 480 * busy + 20 * wave
        faulty = self.pod.number == FAULTY and labels["gpu"] == "0"
        for name, value in {
            "DEV_GPU_UTIL": round(100 * busy),
            "DEV_MEM_COPY_UTIL": round(60 * busy),
            "DEV_GPU_TEMP": round(38 + 34 * busy + 2 * wave),
            "DEV_MEMORY_TEMP": round(42 + 36 * busy + 2 * wave),
            "DEV_POWER_USAGE": power,
            "DEV_SM_CLOCK": 1980 - 200 * busy,
            "DEV_FB_USED": MIB_USED + round(60 * wave),
            "DEV_FB_FREE": MIB_TOTAL - MIB_USED - round(60 * wave),
            "DEV_FB_RESERVED": 642,
            "DEV_XID_ERRORS": now.xid if faulty else 0,
            "DEV_ROW_REMAP_FAILURE": 0,
            "PROF_PIPE_TENSOR_ACTIVE": 0.45 * busy,
            "PROF_GR_ENGINE_ACTIVE": 0.95 * busy,
            "PROF_DRAM_ACTIVE": 0.6 * busy,
            "PROF_PCIE_RX_BYTES": 2e9 * busy,
            "PROF_PCIE_TX_BYTES": 3e9 * busy,
        }.items():
            put.gauge(f"DCGM_FI_{name}", value, **labels)
        for name, amount in {
            "TOTAL_ENERGY_CONSUMPTION": power * seconds * 1000,
            "PCIE_REPLAY_COUNTER": 0,
            "CORRECTABLE_REMAPPED_ROWS": 0,
            "UNCORRECTABLE_REMAPPED_ROWS": 0,
            "NVLINK_BANDWIDTH_TOTAL": 180_000 * busy * seconds,
        }.items():
            put.count(f"DCGM_FI_DEV_{name}", amount, **labels)

    def _labels(self, gpu: int) -> dict[str, str]:
        return {
            "gpu": str(gpu),
            "UUID": f"GPU-{self.pod.number:04d}{gpu:04d}",
            "pci_bus_id": f"00000000:{gpu + 5:02X}:00.0",
            "device": f"nvidia{gpu}",
            "modelName": "NVIDIA H100 80GB HBM3",
            "Hostname": self.pod.node,
            "container": "engine",
            "namespace": NAMESPACE,
            "pod": self.pod.name,
        }
