"""ScaledObjects have only fields that KEDA knows, and Prometheus itself answers their queries as they are meant."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.serving.autoscaling import queries
from components.serving.autoscaling.component import Autoscaling
from tests.contract.shared import schema_faults, strict_schema
from tests.support import context, run
from tests.tools import find
from tests.unit.serving.builders import R1, plan

SCHEMA = "keda.sh_ScaledObject"
EVERYTHING = {
    "minReplicas": 1,
    "maxReplicas": 2,
    "triggers": {"queuedRequests": 4, "kvUsage": 0.7, "ttftSeconds": 2, "itlSeconds": 0.1},
    "queries": [{"name": "waiting", "query": "sum(smg_worker_requests_active)", "perGroup": 20}],
    "cron": [{"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "Europe/Berlin", "replicas": 2}],
    "fallback": {"replicas": 2},
}


def scaled_object() -> dict[str, Any]:
    model = plan(R1, autoscaling=EVERYTHING)
    recording = run(
        lambda: Autoscaling("r1", context(), model, namespace="inference", prometheus_url="http://prometheus:9090")
    )
    return dict(recording.one("kubernetes:keda.sh/v1alpha1:ScaledObject", "r1-serve").inputs)


def test_scaled_objects_have_only_fields_that_keda_knows() -> None:
    assert schema_faults(scaled_object()["spec"], strict_schema(SCHEMA, "spec")) == []


def test_so_have_those_of_a_model_that_may_have_no_group() -> None:
    model = plan(R1, autoscaling={**EVERYTHING, "minReplicas": 0})
    recording = run(lambda: Autoscaling("r1", context(), model, namespace="inference", prometheus_url="http://p:9090"))
    spec = recording.one("kubernetes:keda.sh/v1alpha1:ScaledObject", "r1-serve").inputs["spec"]
    assert schema_faults(spec, strict_schema(SCHEMA, "spec")) == []
    assert spec["minReplicaCount"] == 0


def test_a_misspelt_field_would_be_found() -> None:
    misspelt = {**scaled_object()["spec"], "maxReplicas": 2}
    (fault,) = schema_faults(misspelt, strict_schema(SCHEMA, "spec"))
    assert "'maxReplicas' was unexpected" in fault


def series(name: str, values: str, **labels: str | int) -> dict[str, str]:
    named = ",".join(f'{key}="{value}"' for key, value in {"lws": "x", **labels}.items())
    return {"series": f"{name}{{{named}}}", "values": values}


def latencies(group: int, name: str = queries.TTFT, *, fast: str, slow: str) -> list[dict[str, str]]:
    """A histogram of two buckets: up to 1 s and up to 8 s; `fast` and `slow` are values as promtool reads them."""
    return [
        series(f"{name}_bucket", fast, group=group, le="1"),
        series(f"{name}_bucket", slow, group=group, le="8"),
        series(f"{name}_bucket", slow, group=group, le="+Inf"),
    ]


ADDRESS = "http://x-api.inference.svc.cluster.local:30000/v1"


def sleeping(groups: str) -> dict[str, str]:
    """How many groups are wanted, as kube-state-metrics says."""
    return {"series": 'kube_statefulset_replicas{namespace="inference",statefulset="x"}', "values": groups}


def came(values: str, client: str = "1.2.3.4", address: str = ADDRESS) -> dict[str, str]:
    """Requests of one client that the gateway sent to a model."""
    return {
        "series": f'{queries.REQUESTS}{{role="gateway",api_base="{address}",client_ip="{client}"}}',
        "values": values,
    }


GATEWAY = {"series": 'up{role="gateway",pod="gateway-1"}', "values": "1x60"}
NOBODY = [series(queries.RUNNING, "0x60", group=0), series(queries.QUEUE, "0x60", group=0), sleeping("1x60"), GATEWAY]
WANTED, TIMED = queries.wanted("x", ADDRESS), queries.wanted("x", None)

IDLE = series(queries.QUEUE, "0x60", group=0, tp_rank=0)
QUEUE, KV, TTFT = queries.queued("x", "serve"), queries.kv_usage("x"), queries.latency(queries.TTFT, "x")

ANSWERS: dict[str, tuple[str, list[dict[str, str]], float | None]] = {
    "queues of groups add up, and each counts once whatever stage reports it": (
        QUEUE,
        [
            series(queries.QUEUE, "5x60", group=0, pp_rank=0),
            series(queries.QUEUE, "4x60", group=0, pp_rank=1),
            series(queries.QUEUE, "7x60", group=1, pp_rank=0),
        ],
        12,
    ),
    "queues of data-parallel ranks add up": (
        QUEUE,
        [series(queries.QUEUE, "5x60", group=0, dp_rank=0), series(queries.QUEUE, "2x60", group=0, dp_rank=1)],
        7,
    ),
    "another model's queue is not its own": (QUEUE, [series(queries.QUEUE, "5x60", lws="y", group=0)], None),
    "no engine is no queue of 0": (QUEUE, [], None),
    "a prefill group also counts what is on its way": (
        queries.queued("x", "prefill"),
        [series(queries.QUEUE, "5x60", group=0), series(queries.INFLIGHT, "3x60", group=0)],
        8,
    ),
    "a decode group also counts what waits for its memory": (
        queries.queued("x", "decode"),
        [
            series(queries.QUEUE, "5x60", group=0),
            series(queries.PREALLOCATED, "3x60", group=0),
            series(queries.TRANSFERRING, "1x60", group=0),
        ],
        9,
    ),
    "KV usage is a sum over groups of the mean over ranks": (
        KV,
        [
            series(queries.KV_USAGE, "0.9x60", group=0, dp_rank=0),
            series(queries.KV_USAGE, "0.7x60", group=0, dp_rank=1),
            series(queries.KV_USAGE, "0.4x60", group=1, dp_rank=0),
        ],
        1.2,
    ),
    "the 90th percentile is that of all requests of all groups": (
        TTFT,
        [*latencies(0, fast="0+9x60", slow="0+10x60"), *latencies(1, fast="0+9x60", slow="0+10x60"), IDLE],
        1,
    ),
    "without requests the first token takes no time": (TTFT, [*latencies(0, fast="9x60", slow="10x60"), IDLE], 0),
    "before the first request neither": (TTFT, [IDLE], 0),
    "without engines nobody can tell": (TTFT, [], None),
    "a group that nobody uses is not wanted": (WANTED, NOBODY, 0),
    "the first request of a new client wakes it": (WANTED, [sleeping("0x60"), GATEWAY, came("_x38 1x20")], 1),
    "so does another request of one that it knows": (WANTED, [sleeping("0x60"), GATEWAY, came("3x38 4x20")], 1),
    "requests of long ago do not": (WANTED, [sleeping("0x60"), GATEWAY, came("3x10 9x50")], 0),
    "nor do those for another model": (
        WANTED,
        [sleeping("0x60"), GATEWAY, came("_x38 1x20", address=ADDRESS.replace("x-api", "y-api"))],
        0,
    ),
    "a restarted gateway does not": (WANTED, [sleeping("0x60"), GATEWAY, came("9x38 _x22")], 0),
    "a request that is being answered keeps it": (
        WANTED,
        [series(queries.RUNNING, "1x60", group=0), series(queries.QUEUE, "0x60", group=0), sleeping("1x60"), GATEWAY],
        1,
    ),
    "nobody knows of requests without a gateway": (WANTED, NOBODY[:-1], None),
    "an engine that should be there and says nothing is starting": (WANTED, [sleeping("1x60"), GATEWAY], 1),
    "nobody knows whether it should be there": (WANTED, [GATEWAY], None),
    "by times alone requests bring nothing": (TIMED, [sleeping("0x60"), came("_x38 1x20")], 0),
    "but what is under way keeps it": (
        TIMED,
        [series(queries.RUNNING, "0x60", group=0), series(queries.QUEUE, "2x60", group=0), sleeping("1x60")],
        1,
    ),
    "no queue where no group is wanted": (queries.or_asleep(QUEUE, "x"), [sleeping("0x60")], 0),
    "a lost queue where one is": (queries.or_asleep(QUEUE, "x"), [sleeping("1x60")], None),
}


@pytest.mark.skipif(find("promtool") is None, reason="`make tools` has not made promtool")
def test_prometheus_answers_as_meant(tmp_path: Path) -> None:
    cases = [
        {
            "name": name,
            "interval": "15s",
            "input_series": inputs,
            "promql_expr_test": [
                {
                    "expr": query,
                    "eval_time": "10m",
                    "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
                }
            ],
        }
        for name, (query, inputs, value) in ANSWERS.items()
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"fuzzy_compare": True, "tests": cases}))
    done = subprocess.run([str(find("promtool")), "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
