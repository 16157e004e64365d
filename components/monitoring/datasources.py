"""Where Grafana in the cluster finds logs and traces beside its metrics, and what it may read there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from components.aws.identity.policies import Statement, allow, partition
from components.monitoring.logs.plan import LOKI_URL
from components.monitoring.traces.plan import TEMPO_URL

if TYPE_CHECKING:
    from components.monitoring.logs.plan import LogPlan
    from components.monitoring.traces.plan import TracePlan

LOKI_UID: Final = "loki"
TEMPO_UID: Final = "tempo"
CLOUDWATCH_UID: Final = "cloudwatch"

REQUEST_SEARCH: Final = '{ span.rid = "<id>" || span.request_id = "<id>" }'
"""TraceQL that finds the trace of a request by the engine's id or by the client's."""
TRACE_LOGS: Final = '{job="workload"} | trace_id="<trace>"'
"""LogQL that finds the lines of a trace's requests. Grafana offers the link where it knows every variable, so the query
names the trace, which every span has."""


def data_sources(logs: LogPlan | None, traces: TracePlan | None, *, region: str) -> list[dict[str, Any]]:
    """The data sources in the form that Grafana provisions; a dollar sign is written twice there.

    A request's line in an engine's log has the trace in the field `trace_id`, and the engine's id in `request_id`,
    which is the attribute `rid` of its first span; a router's line has the client's id in `request_id`, which is the
    attribute of that name of the router's span. By them each leads to the other, where both are in the cluster.
    """
    in_loki = logs is not None and logs.destination == "loki"
    in_tempo = traces is not None and traces.destination == "tempo"
    found = []
    if in_loki:
        found.append(_source("Loki", "loki", LOKI_UID, url=LOKI_URL, jsonData=_to_traces() if in_tempo else {}))
    if in_tempo:
        found.append(_source("Tempo", "tempo", TEMPO_UID, url=TEMPO_URL, jsonData=_to_logs() if in_loki else {}))
    if (logs and not in_loki) or (traces and not in_tempo):
        settings = {"authType": "default", "defaultRegion": region}
        found.append(_source("CloudWatch", "cloudwatch", CLOUDWATCH_UID, jsonData=settings))
    return found


def trace_source(traces: TracePlan | None) -> str | None:
    """The data source that shows traces, to which exemplars lead."""
    return TEMPO_UID if traces is not None and traces.destination == "tempo" else None


def _to_traces() -> dict[str, Any]:
    """A line that names its trace leads there; others lead to a search for their request's id."""
    found = [
        _link("trace", "trace_id", "$${__value.raw}", "Trace"),
        _link("request", "request_id", REQUEST_SEARCH.replace("<id>", "$${__value.raw}"), "Trace of this request"),
    ]
    return {"derivedFields": found}


def _link(name: str, label: str, query: str, title: str) -> dict[str, str]:
    target = {"datasourceUid": TEMPO_UID, "url": query, "urlDisplayLabel": title}
    return {"name": name, "matcherType": "label", "matcherRegex": label, **target}


def _to_logs() -> dict[str, Any]:
    return {
        "tracesToLogsV2": {
            "datasourceUid": LOKI_UID,
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "5m",
            "customQuery": True,
            "query": TRACE_LOGS.replace("<trace>", "$${__trace.traceId}"),
        }
    }


def _source(name: str, kind: str, uid: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "uid": uid, "access": "proxy", "editable": False, **more}


def reading_statements(logs: LogPlan | None, *, region: str) -> Sequence[Statement]:
    """What Grafana's pods may read in AWS for these data sources; empty where all of them are in the cluster.

    Which resources the actions know: Service Authorization Reference, Amazon CloudWatch Logs. A query that nobody waits
    for is left to end by itself: `StopQuery` knows no resource.
    """
    if logs is None or logs.destination != "cloudwatch":
        return ()
    group = f"arn:{partition(region)}:logs:{region}:*:log-group:{logs.group}:*"
    return (
        allow(["logs:StartQuery", "logs:GetLogEvents", "logs:GetLogGroupFields"], [group], sid="ReadWorkloadLogs"),
        allow(["logs:DescribeLogGroups", "logs:GetQueryResults"], ["*"], sid="FindLogs"),
        allow(["cloudwatch:ListMetrics", "cloudwatch:GetMetricData"], ["*"], sid="ReadMetrics"),
    )
