"""Stacks that a careful user could write, generated: every one of them passes its rules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from components.facts.instances import instance

SHAPES = [
    # model, instance type without `ml.`, nodes of a group, tensor, pipeline
    ("deepseek-ai/DeepSeek-R1", "p5.48xlarge", 2, 16, 1),
    ("deepseek-ai/DeepSeek-R1", "p5en.48xlarge", 1, 8, 1),
    ("Qwen/Qwen3-8B", "g6.12xlarge", 2, 4, 2),
    ("Qwen/Qwen3-8B", "g6.12xlarge", 1, 4, 1),
    ("Qwen/Qwen3-30B-A3B", "g6e.12xlarge", 1, 4, 1),
    ("Qwen/Qwen3-235B-A22B", "p5en.48xlarge", 1, 8, 1),
    ("meta-llama/Llama-3.1-70B-Instruct", "p5.48xlarge", 1, 8, 1),
    ("meta-llama/Llama-3.1-405B-Instruct", "p5.48xlarge", 2, 16, 1),
]
APART = {
    ("p5.48xlarge", 2): ["nixl-libfabric", "mooncake-tcp"],
    ("p5en.48xlarge", 1): ["nixl-libfabric", "mooncake-tcp"],
    ("g6.12xlarge", 1): ["mooncake-tcp"],
}
"""Transports between the phases of a model, by instance type and nodes of a group."""
ZONES = ["use1-az4", "use1-az6"]


def _apart(served: dict[str, Any], transport: str) -> dict[str, Any]:
    """The model with as many groups of the same shape for prefill and for decode."""
    phase = {
        key: served[key] for key in ("nodePool", "nodesPerGroup", "replicas", "autoscaling", "parallelism", "packing")
        if key in served
    }  # fmt: skip
    router = {"replicas": 3} if served["router"] and "replicas" in served["router"] else {}
    split = {"transport": transport, "privileged": transport != "mooncake-tcp", "prefill": phase, "decode": phase}
    return {**{key: served[key] for key in served if key not in phase}, "disaggregation": split, "router": router}


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    """Raw settings of a whole stack: substrate, network, pools with models of one shape each, file system or none."""
    substrate = draw(st.sampled_from(["eks", "hyperpod"]))
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3, unique_by=lambda shape: shape[:3]))
    zone = draw(st.sampled_from(ZONES))
    pools, models = [], []
    monitored = draw(st.booleans())
    for index, (model, kind, nodes_per_group, tensor, pipeline) in enumerate(shapes):
        replicas = draw(st.integers(1, 3))
        spare = draw(st.integers(0, 2))
        pools.append(
            {
                "name": f"pool{index}",
                "instanceType": f"ml.{kind}" if substrate == "hyperpod" else kind,
                "nodes": replicas * nodes_per_group + spare,
                "zone": zone,
            }
        )
        served: dict[str, Any] = {
            "name": f"model{index}",
            "model": model,
            "nodePool": f"pool{index}",
            "nodesPerGroup": nodes_per_group,
            "replicas": replicas,
            "parallelism": {"tensor": tensor, "pipeline": pipeline},
            "packing": {"gpusPerPod": instance(kind).gpus} if nodes_per_group == 1 else None,
            "contextLength": draw(st.sampled_from([4096, 8192, 32768])),
            "router": draw(st.sampled_from([None, {}, {"policy": "round_robin", "replicas": 3}])),
        }
        room = replicas + spare // nodes_per_group
        if monitored and draw(st.booleans()):
            served["autoscaling"] = {"minReplicas": 1, "maxReplicas": max(room, 1)}
        if (kind, nodes_per_group) in APART and draw(st.booleans()):
            served = _apart(served, draw(st.sampled_from(APART[kind, nodes_per_group])))
            pools[-1]["nodes"] += room * nodes_per_group
        if "meta-llama" in model:
            served["weights"] = {"source": "fsx", "path": f"/checkpoints/{index}"}
        models.append(served)
    throughput, capacity = draw(st.sampled_from([(1000, 9600), (500, 19200), (250, 38400)]))
    return {
        "region": "us-east-1",
        "protect": draw(st.booleans()),
        "tags": {"team": "x"},
        "network": {"cidr": "10.0.0.0/16", "zones": ZONES, "nat": "perZone"},
        "cluster": {
            "name": "generated",
            "substrate": substrate,
            "kubernetesVersion": draw(st.sampled_from(["1.33", "1.34"])),
        },
        "systemPool": {"instanceType": "m7i.4xlarge", "nodes": draw(st.integers(2, 4))},
        "nodePools": pools,
        "fileSystem": {"zone": zone, "storageCapacityGiB": capacity, "throughputPerTiB": throughput},
        "models": models,
        "monitoring": {"enabled": monitored},
    }
