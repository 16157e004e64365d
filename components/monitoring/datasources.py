"""Where Grafana in the cluster finds logs and traces beside its metrics, and what it may read there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from components.aws.identity.policies import Statement, allow, partition
from components.monitoring.logs.plan import LOKI_URL
from components.monitoring.traces.plan import TEMPO_URL, XRAY_READS

if TYPE_CHECKING:
    from components.monitoring.logs.plan import LogPlan
    from components.monitoring.traces.plan import TracePlan

LOKI_UID: Final = "loki"
TEMPO_UID: Final = "tempo"
CLOUDWATCH_UID: Final = "cloudwatch"
XRAY_UID: Final = "xray"
XRAY_TYPE: Final = "grafana-x-ray-datasource"

REQUEST_SEARCH: Final = '{ span.rid = "<id>" || span.request_id = "<id>" }'
"""TraceQL that finds the trace of a request by the engine's id or by the client's."""
TRACE_LOGS: Final = '{job="workload"} | trace_id="<trace>"'
"""LogQL that finds the lines of a trace's requests. Grafana offers the link where it knows every variable, so the query
names the trace, which every span has."""


def data_sources(
    logs: LogPlan | None, traces: TracePlan | None, *, region: str, xray_plugin: bool
) -> list[dict[str, Any]]:
    """The data sources in the form that Grafana provisions; a dollar sign is written twice there.

    A request's line in an engine's log has the trace in the field `trace_id`, and the engine's id in `request_id`,
    which is the attribute `rid` of its first span; a router's line has the client's id in `request_id`, which is the
    attribute of that name of the router's span. By them each leads to the other, where both are in the cluster.
    X-Ray is a data source where Grafana has the plugin.
    """
    in_loki = logs is not None and logs.destination == "loki"
    in_tempo = traces is not None and traces.destination == "tempo"
    found = []
    if in_loki:
        found.append(_source("Loki", "loki", LOKI_UID, url=LOKI_URL, jsonData=_to_traces() if in_tempo else {}))
    if in_tempo:
        found.append(_source("Tempo", "tempo", TEMPO_UID, url=TEMPO_URL, jsonData=_to_logs() if in_loki else {}))
    in_aws = {"authType": "default", "defaultRegion": region}
    if logs and not in_loki:
        found.append(_source("CloudWatch", "cloudwatch", CLOUDWATCH_UID, jsonData=in_aws))
    if shows_xray(traces, xray_plugin=xray_plugin):
        found.append(_source("X-Ray", XRAY_TYPE, XRAY_UID, jsonData=in_aws))
    return found


def shows_xray(traces: TracePlan | None, *, xray_plugin: bool) -> bool:
    """Whether Grafana in the cluster reads traces from X-Ray."""
    return xray_plugin and traces is not None and traces.destination == "xray"


def plugins(traces: TracePlan | None, *, xray_plugin: str | None) -> list[str]:
    """Plugins that Grafana fetches when it starts, as it names them with a version."""
    return [f"{XRAY_TYPE}@{xray_plugin}"] if shows_xray(traces, xray_plugin=xray_plugin is not None) else []


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


def reading_statements(
    logs: LogPlan | None, traces: TracePlan | None, *, region: str, xray_plugin: bool
) -> Sequence[Statement]:
    """What Grafana's pods may read in AWS for these data sources; empty where all of them are in the cluster.

    Which resources the actions know: Service Authorization Reference, Amazon CloudWatch Logs and AWS X-Ray. A query
    that nobody waits for is left to end by itself: `StopQuery` knows no resource.
    """
    found: list[Statement] = []
    if logs is not None and logs.destination == "cloudwatch":
        group = f"arn:{partition(region)}:logs:{region}:*:log-group:{logs.group}:*"
        found += [
            allow(["logs:StartQuery", "logs:GetLogEvents", "logs:GetLogGroupFields"], [group], sid="ReadWorkloadLogs"),
            allow(["logs:DescribeLogGroups", "logs:GetQueryResults"], ["*"], sid="FindLogs"),
            allow(["cloudwatch:ListMetrics", "cloudwatch:GetMetricData"], ["*"], sid="ReadMetrics"),
        ]
    if shows_xray(traces, xray_plugin=xray_plugin):
        # Its query editor lists the regions.
        found += [allow(XRAY_READS, ["*"], sid="ReadTraces"), allow(["ec2:DescribeRegions"], ["*"], sid="FindRegions")]
    return found
