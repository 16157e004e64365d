"""The charts of the stack with the values that the program gives them, in each way that it sets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.facts import pins
from components.monitoring.logs.fluent_bit import values as fluent_bit_values
from components.monitoring.logs.loki import values as loki_values
from components.monitoring.logs.plan import LogPlan, Writer, plan_logs
from components.monitoring.logs.settings import LogDestination, LogSettings
from components.monitoring.receivers import AlertmanagerSettings
from components.monitoring.settings import GrafanaSettings, MonitoringSettings
from components.monitoring.traces.collector import values as collector_values
from components.monitoring.traces.plan import TracePlan
from components.monitoring.traces.settings import TraceSettings
from components.monitoring.traces.tempo import values as tempo_values
from components.monitoring.values import values as monitoring_values
from components.platform.efa.settings import EfaSettings
from components.platform.efa.values import values as efa_values
from components.platform.gpu_operator.settings import GpuOperatorSettings
from components.platform.gpu_operator.values import values as gpu_operator_values
from components.platform.keda.settings import KedaSettings
from components.platform.keda.values import values as keda_values
from components.platform.load_balancer.settings import LoadBalancerSettings
from components.platform.load_balancer.values import values as load_balancer_values
from components.platform.lws.settings import LwsSettings
from components.platform.lws.values import values as lws_values

TAINT = {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
SYSTEM = {"sglang-hyperpod/pool": "system"}
TOLD = {
    "receivers": [{"name": "chat", "slack": {"urlSecret": "slackUrl", "channel": "#inference"}}],
    "heartbeat": {"urlSecret": "heartbeatUrl"},
}


@dataclass(frozen=True)
class Case:
    """One set of values for one chart."""

    name: str
    chart: pins.Chart
    values: dict[str, Any]

    @property
    def defaults_file(self) -> str:
        """The chart's own values in the shared folder."""
        return f"{self.chart.name}-{self.chart.version}.values.yaml"


def cases() -> Iterator[Case]:
    """Every chart, with monitoring and without, on both substrates, with each room's switches both ways."""
    types = ["ml.p5.48xlarge"]
    yield Case(
        "efa",
        pins.EFA_DEVICE_PLUGIN,
        efa_values(EfaSettings(), region="us-east-1", instance_types=types, tolerations=[TAINT]),
    )
    for metrics in (True, False):
        label = "metrics" if metrics else "plain"
        nodes: dict[str, Any] = {"node_selector": SYSTEM, "metrics": metrics}
        for substrate in ("eks", "hyperpod"):
            gpu = gpu_operator_values(GpuOperatorSettings(), substrate=substrate, tolerations=[TAINT], **nodes)
            yield Case(f"gpu-operator-{substrate}-{label}", pins.GPU_OPERATOR, gpu)
        lws = lws_values(LwsSettings(), disaggregated_sets=metrics, **nodes)
        yield Case(f"lws-{label}", pins.LWS, lws)
        keda = keda_values(KedaSettings(), cluster_name="c", scales_sets=metrics, **nodes)
        yield Case(f"keda-{label}", pins.KEDA, keda)
        controller = load_balancer_values(
            LoadBalancerSettings(firewall=metrics), cluster_name="c", region="us-east-1", vpc_id="vpc-1", **nodes
        )
        yield Case(f"load-balancer-{label}", pins.LOAD_BALANCER_CONTROLLER, controller)
    yield from _logs()
    yield from _traces()
    smallest = MonitoringSettings(
        grafana=GrafanaSettings(enabled=False, storage_gib=0),
        alertmanager=AlertmanagerSettings(enabled=False),
        node_exporter=False,
    )
    told = MonitoringSettings.model_validate({"alertmanager": TOLD})
    for name, settings in (("whole", MonitoringSettings()), ("smallest", smallest), ("told", told)):
        values = monitoring_values(
            settings,
            cluster_name="c",
            storage_class="gp3",
            node_selector=SYSTEM,
            keep_volumes=True,
            admin_secret=True,
            trace_source="tempo" if name == "whole" else None,
            plugins=["grafana-x-ray-datasource@2.17.1"] if name == "told" else [],
        )
        yield Case(f"monitoring-{name}", pins.KUBE_PROMETHEUS_STACK, values)


def _logs() -> Iterator[Case]:
    """Fluent Bit to both destinations, and Loki."""
    for destination, metrics in (("cloudwatch", True), ("loki", False)):
        shipper = fluent_bit_values(_log_plan(destination), region="us-east-1", tolerations=[TAINT], metrics=metrics)
        yield Case(f"fluent-bit-{destination}", pins.FLUENT_BIT, shipper)
        store = loki_values(
            _log_plan("loki"),
            region="us-east-1",
            bucket="b",
            storage_class="gp3",
            node_selector=SYSTEM,
            metrics=metrics,
        )
        yield Case(f"loki-{'metrics' if metrics else 'plain'}", pins.LOKI, store)


def _log_plan(destination: LogDestination) -> LogPlan:
    writers = [Writer("r1", {"model": "r1", "role": "serve"}, ranked=True)]
    return plan_logs(LogSettings(), destination, cluster_name="c", namespaces=["inference"], writers=writers)


def _traces() -> Iterator[Case]:
    """The collector to both destinations, and Tempo."""
    for plan, metrics in (
        (TracePlan(TraceSettings(), "tempo", ("inference",)), True),
        (TracePlan(TraceSettings(), "xray", ("inference", "routers")), False),
    ):
        nodes: dict[str, Any] = {"region": "us-east-1", "node_selector": SYSTEM, "metrics": metrics}
        yield Case(f"collector-{plan.destination}", pins.OPENTELEMETRY_COLLECTOR, collector_values(plan, **nodes))
        store = tempo_values(plan, bucket="b", storage_class="gp3", **nodes)
        yield Case(f"tempo-{'metrics' if metrics else 'plain'}", pins.TEMPO, store)
