"""EFA and the GPUs: traffic, what is lost, faults, heat, power, memory. Pure.

GPU series are among those that the GPU operator's DCGM exporter collects by default (dcp-metrics-included.csv of
NVIDIA/dcgm-exporter). Its own `namespace` and `pod` are the exporter's, so the pod that holds a GPU is in
`exported_namespace` and `exported_pod`. EFA series are those of AWS's EFA node exporter (awslabs/awsome-distributed-ai,
4.validation_and_observability/3.efa-node-exporter), which the stack's own exporter has too
(`components.monitoring.efa_exporter`).
"""

from __future__ import annotations

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, Threshold
from components.monitoring.dashboards.parts import Parts
from components.monitoring.dashboards.queries import CHOSEN_PODS, WINDOW, choices

_NODE = "{{instance}}"


def fabric(parts: Parts) -> Dashboard:
    """GPUs of the chosen models, and the EFA interfaces of all nodes that have any."""
    gpus = [_faults(parts), _use(parts), _heat(parts)] if parts.gpus else []
    return Dashboard(
        uid="sglang-fabric-gpu",
        title="SGLang / Fabric and GPU",
        description="EFA traffic and losses, NVLink, faults, temperature, power and memory of the GPUs.",
        rows=(*_efa(parts), *gpus),
        variables=choices(groups=True, versions=False),
        tags=("sglang",),
    )


def _efa(parts: Parts) -> list[Row]:
    if not parts.efa:
        return []
    before, after = (_traffic(), _losses()) if parts.efa_counters else ((), ())
    return [Row("EFA", (*before, _tcp(parts), *after))]


def _traffic() -> tuple[Panel, ...]:
    return (
        _counters("EFA sent", "Bytes per second that a node's EFA interfaces send together.", "Bps", "tx_bytes"),
        _counters("EFA received", "Bytes per second that a node's EFA interfaces receive together.", "Bps", "rx_bytes"),
    )


def _losses() -> tuple[Panel, ...]:
    return (
        Panel(
            "EFA retransmits",
            "Share of packets that a node sent again: congestion, or a link that fails.",
            "percentunit",
            (Query(f"{_per_node('retrans_pkts')} / ({_per_node('tx_pkts')} > 0)", _NODE),),
            (Threshold(0.01, "orange"),),
            decimals=2,
        ),
        _counters(
            "EFA timeouts and lost peers",
            "Retransmission timeouts and peers that did not answer, per second and node. None is normal.",
            "cps",
            "retrans_timeout_events",
            "unresponsive_remote_events",
            threshold=Threshold(0.01, "orange"),
        ),
        _counters(
            "EFA drops and failed requests",
            "Received packets that were dropped and RDMA requests that failed, per second and node. None is normal.",
            "cps",
            "rx_drops",
            "rdma_read_wr_err",
            "rdma_write_wr_err",
            threshold=Threshold(0.01, "red"),
        ),
    )


def _counters(title: str, description: str, unit: str, *counters: str, threshold: Threshold | None = None) -> Panel:
    """The sum of some EFA counters of each node."""
    return Panel(
        title,
        description,
        unit,
        (Query(" + ".join(map(_per_node, counters)), _NODE),),
        (threshold,) if threshold else (),
    )


def _tcp(parts: Parts) -> Panel:
    return Panel(
        "TCP of engine pods",
        "Bytes per second that pods of the engines send over their ordinary interface. EFA passes it by: much traffic "
        "between the ranks of a group here means that NCCL or the transfer fell back to TCP.",
        "Bps",
        (
            Query(
                f'sum by (pod) (rate(container_network_transmit_bytes_total{{namespace="{parts.namespace}",'
                f'pod=~"{CHOSEN_PODS}"}}{WINDOW}))',
                "{{pod}}",
            ),
        ),
        (Threshold(100e6, "orange"),),
    )


def _faults(parts: Parts) -> Row:
    pods = _pods(parts)
    return Row(
        "Faults",
        (
            Panel(
                "Last XID error",
                "Highest code among the last XID errors of a node's GPUs; 0 is none. 48, 63, 64, 74, 79, 94 and 95 are "
                "faults of the hardware. The exporter keeps the code until it restarts.",
                "none",
                (Query(f"max by (Hostname) (DCGM_FI_DEV_XID_ERRORS{{{pods}}})", "{{Hostname}}"),),
                (Threshold(1, "red"),),
                width=6,
                decimals=0,
            ),
            Panel(
                "ECC: remapped rows",
                "Rows of GPU memory that were taken out of use after errors: a node's uncorrectable ones, and the "
                "correctable ones of all nodes. A GPU has a few rows to spare.",
                "short",
                (
                    Query(f"sum(DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS{{{pods}}})", "correctable, all nodes"),
                    Query(_by_host("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", pods), "{{Hostname}}"),
                ),
                (Threshold(1, "orange"),),
                width=6,
            ),
            Panel(
                "ECC: failed remapping",
                "GPUs that had no row to spare: such a GPU has to be replaced.",
                "short",
                (Query(_by_host("DCGM_FI_DEV_ROW_REMAP_FAILURE", pods), "{{Hostname}}"),),
                (Threshold(1, "red"),),
                width=6,
            ),
            Panel(
                "PCIe replays",
                "Transfers over PCIe that were repeated, per second, over a node's GPUs. A steady rate is a bad link.",
                "cps",
                (Query(_by_host("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", pods, per_second=True), "{{Hostname}}"),),
                (Threshold(1, "orange"),),
                width=6,
            ),
        ),
    )


def _use(parts: Parts) -> Row:
    pods = _pods(parts)
    return Row(
        "Use",
        (
            Panel(
                "GPU utilisation",
                "Share of time in which a kernel ran, mean of a node's GPUs.",
                "percent",
                (Query(f"avg by (Hostname) (DCGM_FI_DEV_GPU_UTIL{{{pods}}})", "{{Hostname}}"),),
                maximum=100,
                width=6,
            ),
            Panel(
                "Tensor cores active",
                "Share of cycles in which the tensor cores worked, mean of a node's GPUs.",
                "percentunit",
                (Query(f"avg by (Hostname) (DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{{pods}}})", "{{Hostname}}"),),
                maximum=1,
                width=6,
            ),
            Panel(
                "GPU memory in use",
                "Share of the frame buffer, of a node's fullest GPU. SGLang takes its static share at start and keeps "
                "it: a flat line is normal.",
                "percentunit",
                (
                    Query(
                        f"max by (Hostname) (DCGM_FI_DEV_FB_USED{{{pods}}}"
                        f" / (DCGM_FI_DEV_FB_USED{{{pods}}} + DCGM_FI_DEV_FB_FREE{{{pods}}}))",
                        "{{Hostname}}",
                    ),
                ),
                (Threshold(0.97, "red"),),
                maximum=1,
                width=6,
            ),
            Panel(
                "NVLink",
                "What DCGM counts on all NVLink lanes of a node's GPUs, per second. DCGM names no unit for it: compare "
                "nodes, and look for one that stands still.",
                "short",
                (Query(_by_host("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", pods, per_second=True), "{{Hostname}}"),),
                width=6,
            ),
        ),
    )


def _heat(parts: Parts) -> Row:
    pods = _pods(parts)
    return Row(
        "Heat and power",
        (
            Panel(
                "GPU temperature",
                "Of a node's hottest GPU. Data-centre GPUs slow themselves down in the high eighties.",
                "celsius",
                (Query(f"max by (Hostname) (DCGM_FI_DEV_GPU_TEMP{{{pods}}})", "{{Hostname}}"),),
                (Threshold(80, "orange"), Threshold(87, "red")),
                width=6,
            ),
            Panel(
                "Memory temperature",
                "Of the hottest memory of a node's GPUs.",
                "celsius",
                (Query(f"max by (Hostname) (DCGM_FI_DEV_MEMORY_TEMP{{{pods}}})", "{{Hostname}}"),),
                (Threshold(90, "orange"), Threshold(95, "red")),
                width=6,
            ),
            Panel(
                "Power",
                "Power drawn by a node's GPUs together.",
                "watt",
                (Query(_by_host("DCGM_FI_DEV_POWER_USAGE", pods), "{{Hostname}}"),),
                width=6,
            ),
            Panel(
                "SM clock",
                "Of a node's slowest GPU: it falls when the GPU is too hot or has too little power.",
                "hertz",
                (Query(f"1e6 * min by (Hostname) (DCGM_FI_DEV_SM_CLOCK{{{pods}}})", "{{Hostname}}"),),
                width=6,
            ),
        ),
    )


def _pods(parts: Parts) -> str:
    return f'exported_namespace="{parts.namespace}",exported_pod=~"{CHOSEN_PODS}"'


def _by_host(metric: str, pods: str, *, per_second: bool = False) -> str:
    series = f"{metric}{{{pods}}}"
    return f"sum by (Hostname) (rate({series}{WINDOW}))" if per_second else f"sum by (Hostname) ({series})"


def _per_node(metric: str) -> str:
    return f"sum by (instance) (rate(node_amazonefa_{metric}{WINDOW}))"
