"""The job that completes a folder of weights while GPU nodes are still being made. Pure."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from components.aws.nodes.plan import POOL_LABEL, SYSTEM_POOL
from components.serving.manifest import Spec
from components.serving.names import WEIGHTS_ACCOUNT
from components.serving.pods.template import security_context
from components.serving.weights import companions
from components.serving.weights.settings import WeightsSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.serving.plan import ModelPlan

SCRIPT_FILE: Final = "prefetch.py"
TOKEN_KEY: Final = "token"
BEHAVIOUR: Final = "cfa1c35a224d74bd"
"""A name for what the script leaves on the file system: the digest of the first script that left it so. A job that is
done runs again only where this changes, because engines need something else than what older scripts left. A new text
alone reaches the next job, whenever that comes.
"""

_LEAST_MB_PER_S: Final = 50
"""Rate in MB/s below which a fetch counts as stuck."""


def prefetches(models: Iterable[ModelPlan]) -> list[ModelPlan]:
    """The models whose weights need a job, one for each folder: two jobs would fetch the same files."""
    return companions.sharing(model for model in models if model.weights.prefetched)


@cache
def script() -> str:
    """The script that the job runs."""
    return (Path(__file__).parent / SCRIPT_FILE).read_text(encoding="utf-8")


def labels(model: ModelPlan) -> dict[str, str]:
    """Labels of the job's pods."""
    return {"app.kubernetes.io/name": "weights", "app.kubernetes.io/instance": model.name}


def fetches(model: ModelPlan) -> bool:
    """Whether the job reaches for the hub; else it only checks and reads what is there."""
    return model.weights.source is WeightsSource.HUGGING_FACE


def job_minutes(size_gib: float | None) -> int:
    """Minutes until the job counts as stuck: an hour, and the checkpoint at 50 MB/s."""
    return 60 + int((size_gib or 0) * 2**30 / 1e6 / _LEAST_MB_PER_S / 60)


def job(model: ModelPlan, *, claim_name: str, config_map: str, token_secret: str | None) -> Spec:
    """`spec` of the job: on the system pool, with all of the `restricted` level but its user, since the file system's
    root folder belongs to root. It is kept when done, so that the stack knows that it was.
    """
    pod = {
        "restartPolicy": "Never",
        "serviceAccountName": WEIGHTS_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {POOL_LABEL: SYSTEM_POOL},
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(model, token_secret)],
        "volumes": [
            {"name": "weights", "persistentVolumeClaim": {"claimName": claim_name}},
            {"name": "script", "configMap": {"name": config_map}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }
    return {
        "backoffLimit": 20,
        "completions": 1,
        "parallelism": 1,
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": "prefetch", "operator": "In", "values": [3]},
                },
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
        "template": {
            # A job's template is never changed but replaced.
            "metadata": {"labels": labels(model), "annotations": {"sglang-hyperpod/script": BEHAVIOUR}},
            "spec": pod,
        },
    }


def _container(model: ModelPlan, token_secret: str | None) -> dict[str, Any]:
    context = security_context(())
    return {
        "name": "prefetch",
        "image": model.image.reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"/opt/weights/{SCRIPT_FILE}"],
        "env": _environment(model, token_secret),
        "resources": {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"memory": "12Gi"}},
        "securityContext": {**context, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "weights", "mountPath": model.weights.mount_path},
            {"name": "script", "mountPath": "/opt/weights", "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - the root file system is read-only
        ],
    }


def _environment(model: ModelPlan, token_secret: str | None) -> list[dict[str, Any]]:
    weights = model.weights
    home = "/tmp"  # noqa: S108 - a volume of the pod's own
    values = {"MODEL": weights.model, "FOLDER": weights.model_path, "HOME": home}
    if fetches(model):
        # The hub's own cache is as large as the checkpoint: it belongs on the file system, not on the node's disk.
        values |= {
            "FETCH": "1",
            "REVISION": weights.revision or "",
            "HF_HOME": f"{weights.mount_path}/huggingface/.cache",
            "COMPANIONS": companions.listed(model),
        }
    if weights.endpoint:
        values["HF_ENDPOINT"] = weights.endpoint
    environment: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items() if value]
    if token_secret:
        reference = {"secretKeyRef": {"name": token_secret, "key": TOKEN_KEY}}
        environment.append({"name": "HF_TOKEN", "valueFrom": reference})
    return environment
