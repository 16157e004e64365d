"""What the published systems say that cannot work, as changes to their corrected files, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SYSTEMS = tuple(sorted(FOLDER.glob("*.yaml")))


@dataclass(frozen=True, slots=True)
class Written:
    """`change` is what was published, by path in `system`; the answer has `path`, and `says` in its message."""

    system: str
    change: dict[str, Any]
    path: str
    says: str


WRITTEN = (
    Written(
        "guide-aggregated",
        {"models[0].nodesPerGroup": 2, "nodePools[0].nodes": 2, "models[0].packing": None},
        "models[0].parallelism",
        "16 GPUs",
    ),
    Written(
        "guide-models",
        {"models[5].nodesPerGroup": 8, "nodePools[3].nodes": 10, "models[5].parallelism": {"tensor": 16, "expert": 8}},
        "models[5].parallelism",
        "64 GPUs",
    ),
    Written(
        "guide-models",
        {"models[3].nodesPerGroup": 4, "nodePools[3].nodes": 6},
        "models[3].parallelism",
        "32 GPUs",
    ),
    Written(
        "guide-models",
        {"models[4].nodePool": "p4d", "nodePools[1].nodes": 3, "nodePools[2].nodes": 1},
        "models[2].nodePool",
        "smaller pods may lie on 2 nodes",
    ),
    Written("guide-models", {"nodePools[0].instanceType": "ml.g5.2xlarge"}, "nodePools[0].instanceType", "14 pods"),
    Written("guide-aggregated", {"models[0].trustRemoteCode": True}, "models[0].weights.revision", "trustRemoteCode"),
    Written(
        "guide-aggregated",
        {"models[0].environment": {"NCCL_IB_DISABLE": "0"}},
        "models[0].environment.NCCL_IB_DISABLE",
        "InfiniBand",
    ),
    Written(
        "guide-aggregated",
        {"models[0].arguments": {"metrics-port": 9090}},
        "models[0].arguments.metrics-port",
        "metrics-port",
    ),
    Written(
        "production-throughput",
        {"models[0].arguments": {"schedule-policy": "sjf"}},
        "models[0].arguments.schedule-policy",
        "sjf",
    ),
    Written(
        "production-throughput",
        {"models[0].arguments": {"disable-radix-cache": "false"}},
        "models[0].arguments.disable-radix-cache",
        "switch",
    ),
    Written(
        "production-data-parallel",
        {"models[0].packing": None, "models[0].nodesPerGroup": 2, "models[0].parallelism": {"tensor": 4, "data": 3}},
        "models[0].parallelism",
        "16 GPUs",
    ),
    Written(
        "production-mixed-parallel",
        {
            "models[0].nodesPerGroup": 3,
            "models[0].replicas": 1,
            "models[0].parallelism": {"tensor": 4, "pipeline": 2, "data": 3},
        },
        "models[0].parallelism.data",
        "node",
    ),
    Written(
        "production-mixed-parallel",
        {"models[0].model": "meta-llama/Llama-3.1-405B", "nodePools[0].instanceType": "ml.p4de.24xlarge"},
        "models[0]",
        "GiB",
    ),
    Written(
        "production-awq-lora",
        {"models[0].arguments": {"load-format": "awq"}},
        "models[0].arguments.load-format",
        "awq",
    ),
    *(
        Written("lws-deepseek-r1", change, path, says)
        for change, path, says in (
            (
                {"models[0].arguments": {"disaggregation-ib-device": "mlx5_bond_0"}},
                "models[0].arguments.disaggregation-ib-device",
                "InfiniBand",
            ),
            (
                {"models[0].environment": {"NVSHMEM_IB_GID_INDEX": "3"}},
                "models[0].environment.NVSHMEM_IB_GID_INDEX",
                "InfiniBand",
            ),
            (
                {"models[0].environment": {"NCCL_IB_HCA": "^=mlx5_0"}},
                "models[0].environment.NCCL_IB_HCA",
                "InfiniBand",
            ),
            ({"models[0].experts": {"allToAll": "deepep"}}, "models[0].", "deepep"),
            ({"models[0].engine": {"version": "0.5.8"}}, "models[0].disaggregation.transport", "0.5.8"),
        )
    ),
    Written(
        "guide-disaggregated",
        {"models[0].environment": {"MOONCAKE_TRANSPORT": "tcp"}},
        "models[0].environment.MOONCAKE_TRANSPORT",
        "MOONCAKE_TRANSPORT",
    ),
    *(
        Written("guide-aggregated", {"nodePools[0].instanceType": name}, "nodePools[0].instanceType", reason)
        for name, reason in (
            ("ml.h20.48xlarge", "no EC2 instance has H20 GPUs"),
            ("ml.mi300x.48xlarge", "AMD"),
            ("ml.dgx-spark.large", "DGX Spark is a desktop"),
            ("ml.p6e-gb200.36xlarge", "arm64"),
        )
    ),
)
