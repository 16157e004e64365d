"""Settings with any number of models, each on one GPU of a shared pool."""

from __future__ import annotations

import math
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def with_models(number: int) -> str:
    """The stack file of dev, with `number` models in place of its own."""
    content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    config = content["config"]
    pool = config["sglang-hyperpod:nodePools"][0]
    config["sglang-hyperpod:nodePools"] = [pool | {"nodes": math.ceil(number / 4)}]
    # Large enough that every node reads its weights within the time that an engine has to start.
    config["sglang-hyperpod:fileSystem"] |= {"storageCapacityGiB": 9600, "throughputPerTiB": 1000}
    config["sglang-hyperpod:models"] = [
        {
            "name": f"model-{index:03}",
            "model": "Qwen/Qwen3-8B",
            "nodePool": pool["name"],
            "replicas": 1,
            "packing": {"gpusPerPod": 1},
            "parallelism": {"tensor": 1},
            "contextLength": 8192,
        }
        for index in range(number)
    ]
    return yaml.safe_dump(content)
