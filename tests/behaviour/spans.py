"""The real collector with the rendered configuration on loopback, who sends it spans, and who gets those it keeps."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import yaml
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as rpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from components.monitoring.traces.collector import METRICS_PORTS
from components.monitoring.traces.plan import OTLP_PORT
from tests import tools
from tests.cluster.processes import Processes, free_ports
from tests.contract.rendered import recorded

HEALTH_PORT = 13133
DECISION_SECONDS = 2
POD = {f"OTEL_K8S_{name}": "x" for name in ("NAMESPACE", "NODE_NAME", "NODE_IP", "POD_NAME", "POD_IP")}


@dataclass
class Kept(rpc.TraceServiceServicer):
    """What plays Tempo's receiver: the spans that arrive, by trace."""

    traces: dict[str, list[Span]] = field(default_factory=dict)

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - OTLP's name
        """OTLP's one call."""
        for spans in request.resource_spans:
            for scope in spans.scope_spans:
                for span in scope.spans:
                    self.traces.setdefault(span.trace_id.hex(), []).append(span)
        return service.ExportTraceServiceResponse()

    def names(self, trace: str) -> set[str]:
        """Names of a trace's spans."""
        return {span.name for span in self.traces.get(trace, [])}

    def wait(self, *traces: str, seconds: float = 30) -> None:
        """Wait until all of these have arrived; AssertionError where they do not."""
        deadline = time.monotonic() + seconds
        while not set(traces) <= set(self.traces):
            assert time.monotonic() < deadline, f"{sorted(set(traces) - set(self.traces))} did not arrive"
            time.sleep(0.1)


@contextmanager
def receiving() -> Generator[tuple[Kept, int]]:
    """A receiver of spans by gRPC, and its port."""
    kept = Kept()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    rpc.add_TraceServiceServicer_to_server(kept, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield kept, port
    finally:
        server.stop(None)


@dataclass(frozen=True, slots=True)
class Collector:
    """A running one: where it takes spans and shows the metrics that it makes of them."""

    port: int
    metrics_port: int

    def send(self, *spans: Span, of: str = "sglang") -> None:
        """Spans of one process, as its SDK sends them."""
        resource = Resource(attributes=[attribute("service.name", of)])
        content = ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            rpc.TraceServiceStub(channel).Export(service.ExportTraceServiceRequest(resource_spans=[content]))


@contextmanager
def collecting(folder: Path, tempo: int) -> Generator[Collector]:
    """The collector; only ports, the decision's wait, the flush of metrics and the share by chance (none) differ from
    what the stack runs. It sends what it keeps to the port `tempo`.
    """
    program = tools.find("collector")
    assert program is not None, "the collector is not built (`make tools`)"
    ours = (OTLP_PORT, HEALTH_PORT, *METRICS_PORTS.values())
    ports = dict(zip(ours, free_ports(len(ours)), strict=True))
    text = recorded("collector-tempo")["files"]["relay"]
    for usual, free in ports.items():
        text = text.replace(f"MY_POD_IP}}:{usual}", f"MY_POD_IP}}:{free}")
    content = yaml.safe_load(text)
    content["exporters"]["otlp_grpc/tempo"]["endpoint"] = f"127.0.0.1:{tempo}"
    content["processors"]["tail_sampling"]["decision_wait"] = f"{DECISION_SECONDS}s"
    content["processors"]["tail_sampling"]["policies"][-1]["probabilistic"]["sampling_percentage"] = 0
    content["connectors"]["span_metrics"]["metrics_flush_interval"] = "2s"
    reader = content["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"]
    reader["port"] = ports[METRICS_PORTS["metrics"]]
    (folder / "collector.yaml").write_text(yaml.safe_dump(content))
    processes = Processes(folder)
    environment = {**POD, "MY_POD_IP": "127.0.0.1"}
    processes.start("collector", [program, f"--config={folder / 'collector.yaml'}"], environment)
    try:
        processes.wait_for(f"http://127.0.0.1:{ports[HEALTH_PORT]}/")
        yield Collector(ports[OTLP_PORT], ports[METRICS_PORTS["span-metrics"]])
    finally:
        processes.stop_all()


def span(
    trace: str,
    name: str,
    *,
    number: int = 1,
    parent: int = 0,
    seconds: float = 0.2,
    attributes: Mapping[str, str] | None = None,
    failed: bool = False,
) -> Span:
    """A span that ended now. `trace` is 32 hexadecimal digits; `number` and `parent` are span ids, 0 for no parent."""
    end = time.time_ns()
    return Span(
        trace_id=bytes.fromhex(trace),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=end - round(seconds * 1e9),
        end_time_unix_nano=end,
        attributes=[attribute(key, value) for key, value in (attributes or {}).items()],
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
    )


def attribute(key: str, value: str) -> KeyValue:
    """An attribute with a text."""
    return KeyValue(key=key, value=AnyValue(string_value=value))
