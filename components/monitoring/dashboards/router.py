"""The routers: workers and their circuit breakers, retries, balance. Pure.

Series are those of sglang-router 0.3.2. A worker is the leader of a group, by its address. Routers do not share what
they know: where they differ over a worker, the worse is shown.
"""

from __future__ import annotations

from components.monitoring.dashboards.model import Dashboard, Panel, Query, Row, State, Threshold, Variable
from components.monitoring.dashboards.queries import ROUTERS, quantiles, rate, share

_WORKER = "model, worker"
_NAMED = "{{model}} {{worker}}"
_HEALTH = (State(0, "unhealthy", "red"), State(1, "healthy", "green"))
_BREAKER = (State(0, "closed", "green"), State(1, "open", "red"), State(2, "half open", "orange"))


def router() -> Dashboard:
    """The routers of all models, or of some."""
    return Dashboard(
        uid="sglang-router",
        title="SGLang / Router",
        description="Workers and their circuit breakers, retries, and how evenly the routers spread requests.",
        rows=(_NOW, _WORKERS, _RETRIES, _BALANCE),
        variables=(Variable("model", "Model", 'up{role="router"}', "model"),),
        tags=("sglang",),
    )


_NOW = Row(
    "Requests",
    (
        Panel(
            "Requests by status",
            "What clients got, per second.",
            "reqps",
            (Query(rate("smg_http_responses_total", ROUTERS, "model, status_code"), "{{model}} {{status_code}}"),),
            width=6,
        ),
        Panel(
            "Server errors",
            "Share of requests that clients saw fail (5xx), after all retries.",
            "percentunit",
            (
                Query(
                    share(
                        rate("smg_http_responses_total", f'status_code=~"5..",{ROUTERS}'),
                        rate("smg_http_responses_total", ROUTERS),
                    ),
                    "{{model}}",
                ),
            ),
            (Threshold(0.01, "orange"), Threshold(0.05, "red")),
            width=6,
        ),
        Panel(
            "Request duration",
            "From the arrival of a request at a router to its end. The histogram ends at 240 s.",
            "s",
            quantiles("smg_http_request_duration_seconds", f'path=~"/v1/.*|/generate",{ROUTERS}', shares=(0.5, 0.95)),
            width=6,
        ),
        Panel(
            "Open connections",
            "Connections of clients.",
            "short",
            (Query(f"sum by (model) (smg_http_connections_active{{{ROUTERS}}})", "{{model}}"),),
            width=6,
        ),
    ),
)

_WORKERS = Row(
    "Workers",
    (
        Panel(
            "Health of each worker",
            "As the routers' health checks see it. An unhealthy worker gets no requests.",
            "short",
            (Query(f"min by ({_WORKER}) (smg_worker_health{{{ROUTERS}}})", _NAMED),),
            kind="state-timeline",
            states=_HEALTH,
            width=9,
        ),
        Panel(
            "Circuit breaker of each worker",
            "Open: after failures in a row the worker gets no requests for a while. Half open: one is tried.",
            "short",
            (Query(f"max by ({_WORKER}) (smg_worker_cb_state{{{ROUTERS}}})", _NAMED),),
            kind="state-timeline",
            states=_BREAKER,
            width=9,
        ),
        Panel(
            "Healthy workers",
            "Workers that every router of a model thinks healthy, and those that they know.",
            "short",
            (
                Query(f"sum by (model) (min by ({_WORKER}) (smg_worker_health{{{ROUTERS}}}))", "{{model}} healthy"),
                Query(f"count by (model) (count by ({_WORKER}) (smg_worker_health{{{ROUTERS}}}))", "{{model}} known"),
            ),
            width=6,
        ),
    ),
)

_RETRIES = Row(
    "Retries and failures",
    (
        Panel(
            "Retries",
            "Requests per second that were sent to another worker, and those that had used up all retries.",
            "reqps",
            (
                Query(rate("smg_worker_retries_total", ROUTERS), "{{model}} retried"),
                Query(rate("smg_worker_retries_exhausted_total", ROUTERS), "{{model}} given up"),
            ),
            (Threshold(1, "orange"),),
            width=6,
        ),
        Panel(
            "Failures of each worker",
            "Requests per second that a worker failed, as its circuit breaker counts.",
            "reqps",
            (Query(rate("smg_worker_cb_outcomes_total", f'outcome="failure",{ROUTERS}', _WORKER), _NAMED),),
            width=6,
        ),
        Panel(
            "Answers of engines by status",
            "What engines answered the routers, per second; retries hide some of it from clients.",
            "reqps",
            (
                Query(
                    rate("smg_router_upstream_responses_total", f'status_code!="200",{ROUTERS}', "model, error_code"),
                    "{{model}} {{error_code}}",
                ),
            ),
            width=6,
        ),
        Panel(
            "Breakers that opened",
            "Times in the last hour that a breaker went from closed to open.",
            "short",
            (
                Query(
                    f'sum by (model) (increase(smg_worker_cb_transitions_total{{to="open",{ROUTERS}}}[1h]))',
                    "{{model}}",
                ),
            ),
            (Threshold(1, "orange"),),
            width=6,
        ),
    ),
)

_BALANCE = Row(
    "Balance",
    (
        Panel(
            "Active requests of each worker",
            "Requests that a worker has from all routers. Cache-aware routing keeps requests with one prefix together, "
            "as long as workers do not differ too much.",
            "short",
            (Query(f"sum by ({_WORKER}) (smg_worker_requests_active{{{ROUTERS}}})", _NAMED),),
        ),
        Panel(
            "Requests of each worker",
            "Requests per second that a worker finished.",
            "reqps",
            (Query(rate("smg_worker_cb_outcomes_total", f'outcome="success",{ROUTERS}', _WORKER), _NAMED),),
        ),
        Panel(
            "Busiest worker against the mean",
            "Active requests of the busiest worker over the mean of a model's workers; 1 is even. Where phases are "
            "apart, decode workers hold requests longer than prefill workers.",
            "none",
            (
                Query(
                    f"max by (model) (sum by ({_WORKER}) (smg_worker_requests_active{{{ROUTERS}}}))"
                    f" / (avg by (model) (sum by ({_WORKER}) (smg_worker_requests_active{{{ROUTERS}}})) > 0)",
                    "{{model}}",
                ),
            ),
            (Threshold(1.5, "orange"),),
            minimum=1,
            decimals=2,
        ),
    ),
)
