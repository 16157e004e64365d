"""What the routers export: the families of a recorded sglang-router 0.3.2."""

from __future__ import annotations

from tests.behaviour.world.conditions import Conditions
from tests.behaviour.world.layout import PODS, Pod, group_of_lost
from tests.behaviour.world.shapes import router_buckets
from tests.behaviour.world.target import Target

_PATH = {"method": "POST", "path": "/v1/chat/completions"}


class Router:
    """One router of a model. Its workers are the leaders of the model's groups."""

    def __init__(self, model: str, target: Target) -> None:
        self.model, self.target = model, target
        self.workers = [pod for pod in PODS if pod.model == model and pod.leads]

    def step(self, requests: float, wave: float, now: Conditions) -> None:
        """`requests` reach this router in these seconds."""
        put = self.target
        failed, retried = requests * now.errors * 0.2, requests * now.errors
        typed = {"worker_type": self._type(self.workers[0]), "endpoint": "chat"}
        route = {"router_type": "http", "backend_type": typed["worker_type"], "connection_mode": "http"}
        model = {"model": self.model, "endpoint": "chat"}
        put.count("smg_http_requests_total", requests, **_PATH)
        put.count("smg_http_responses_total", requests - failed, status_code="200", error_code="")
        put.count("smg_http_responses_total", failed, status_code="503", error_code="no_available_workers")
        put.gauge("smg_http_connections_active", round(40 * now.pressure + 4 * wave))
        put.count("smg_router_requests_total", requests, **route, **model, streaming="true")
        for family, labels in (
            ("smg_http_request_duration_seconds", _PATH),
            ("smg_router_request_duration_seconds", {**route, **model}),
        ):
            put.observe(family, requests, 9 + 14 * max(0, now.pressure - 0.5), router_buckets(family), **labels)
        for status, code, amount in (
            ("200", "", requests),
            ("500", "call_upstream_request_error", retried / 2),
            ("503", "no_available_workers", failed),
        ):
            put.count(
                "smg_router_upstream_responses_total", amount, router_type="http", status_code=status, error_code=code
            )
        put.count("smg_worker_retries_total", retried, **typed)
        put.count("smg_worker_retries_exhausted_total", failed, **typed)
        for pod in self.workers:
            self._worker(pod, requests / len(self.workers), wave, now)
        by_type = {self._type(pod): 0 for pod in self.workers}
        for pod in self.workers:
            by_type[self._type(pod)] += 1
        for kind, count in by_type.items():
            labels = {"worker_type": kind, "connection_mode": "http"}
            put.gauge("smg_worker_pool_size", count, **labels, model=self.model)
            put.count("smg_worker_selection_total", requests, **labels, model=self.model, policy="cache_aware")
            put.count("smg_worker_errors_total", retried / 2, **labels, error_type="backend_error")

    def _worker(self, pod: Pod, requests: float, wave: float, now: Conditions) -> None:
        put, worker = self.target, f"http://{pod.address}:30000"
        away = now.node_lost and group_of_lost(pod)
        skew = 1 + 0.15 * wave * (1 if pod.number % 2 else -1)
        put.gauge("smg_worker_health", 0 if away else 1, worker=worker)
        put.gauge("smg_worker_cb_state", 1 if away else 0, worker=worker)
        put.gauge("smg_worker_requests_active", 0 if away else round(24 * now.pressure * skew + 4), worker=worker)
        put.gauge("smg_worker_cb_consecutive_failures", 10 if away else 0, worker=worker)
        put.count("smg_worker_cb_outcomes_total", 0 if away else requests * skew, worker=worker, outcome="success")
        put.count("smg_worker_cb_outcomes_total", requests * 0.3 if away else 0, worker=worker, outcome="failure")
        turned = {"from": "closed", "to": "open"}
        before = put.value("smg_worker_cb_transitions_total", worker=worker, **turned)
        put.count("smg_worker_cb_transitions_total", 1 if away and before == 0 else 0, worker=worker, **turned)

    def _type(self, pod: Pod) -> str:
        return "regular" if pod.role == "serve" else pod.role
