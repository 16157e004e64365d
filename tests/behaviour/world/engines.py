"""What the pods of the engines export."""

from __future__ import annotations

from tests.behaviour.world.conditions import Conditions
from tests.behaviour.world.layout import SLOWNESS, Pod
from tests.behaviour.world.shapes import engine_buckets
from tests.behaviour.world.target import Target

PROMPT_TOKENS, ANSWER_TOKENS = 1800, 420
"""Mean tokens of a request and of its answer."""
SLOTS = 64
"""Requests that a group runs at once."""

_STAGES = {
    "serve": {"request_process": 0.004, "prefill_waiting": 0.05, "prefill_forward": 0.35, "decode_forward": 9.0},
    "prefill": {
        "request_process": 0.004,
        "prefill_bootstrap": 0.03,
        "prefill_waiting": 0.06,
        "prefill_forward": 0.4,
        "prefill_transfer_kv_cache": 0.08,
    },
    "decode": {"decode_bootstrap": 0.03, "decode_waiting": 0.04, "decode_transferred": 0.01, "decode_forward": 10.0},
}


class EnginePod:
    """One rank. `share` of the model's requests reach its group; its waves are its own, from `pod.number`."""

    def __init__(self, pod: Pod, target: Target) -> None:
        self.pod, self.target = pod, target
        self._queued = 0.0

    def step(self, seconds: float, requests: float, wave: float, now: Conditions) -> None:
        """`requests` reach the group in these seconds; `wave` is between -1 and 1."""
        if self.pod.leads:
            self._tokenizer(requests, wave, now)
        if self.pod.leads or self.pod.role == "decode":  # attention data parallelism: each rank has a scheduler
            self._scheduler(seconds, requests / (2 if self.pod.role == "decode" else 1), wave, now)

    def _tokenizer(self, requests: float, wave: float, now: Conditions) -> None:
        name, put, buckets = self.pod.model, self.target, engine_buckets()
        slow = SLOWNESS[name] * (1 + 6 * max(0.0, now.pressure - 0.5) ** 1.5)
        stream = {"model_name": name, "is_streaming": "true"}
        answer = 1 if self.pod.role == "prefill" else ANSWER_TOKENS
        put.count("sglang:num_requests_total", requests, **stream)
        put.count("sglang:num_aborted_requests_total", requests * now.errors * 0.2, model_name=name)
        put.count("sglang:prompt_tokens_total", requests * PROMPT_TOKENS, **stream)
        put.count("sglang:generation_tokens_total", requests * answer, **stream)
        put.count(
            "sglang:cached_tokens_total",
            requests * PROMPT_TOKENS * (0.46 + 0.03 * wave),
            model_name=name,
            cache_source="device",
        )
        put.observe(
            "sglang:time_to_first_token_seconds",
            requests,
            0.55 * slow**1.5,
            buckets["sglang:time_to_first_token_seconds"],
            **stream,
        )
        put.observe(
            "sglang:e2e_request_latency_seconds",
            requests,
            10 * slow,
            buckets["sglang:e2e_request_latency_seconds"],
            **stream,
        )
        if answer > 1:
            itl = buckets["sglang:inter_token_latency_seconds"]
            put.observe("sglang:inter_token_latency_seconds", requests * answer, 0.022 * slow, itl, model_name=name)
        for status, share in (("200", 1 - now.errors * 0.3), ("500", now.errors * 0.3)):
            labels = {"endpoint": "/v1/chat/completions", "status_code": status, "method": "POST"}
            put.count("sglang:http_responses_total", requests * share, **labels)
        put.gauge("sglang:http_requests_active", SLOTS * now.pressure, endpoint="/v1/chat/completions", method="POST")

    def _scheduler(self, seconds: float, requests: float, wave: float, now: Conditions) -> None:
        put, buckets = self.target, engine_buckets()
        labels = self._labels()
        over = max(0.0, now.pressure - 0.85)
        usage = min(0.99, now.pressure * 0.97 + 0.04 * wave + 0.12)
        self._queued = max(0.0, self._queued + seconds * (0.06 if over else -0.12))
        put.gauge("sglang:num_running_reqs", round(SLOTS * min(1.0, now.pressure + 0.1) + 3 * wave), **labels)
        put.gauge("sglang:num_queue_reqs", round(self._queued + max(0.0, 1.5 * wave)), **labels)
        put.gauge("sglang:token_usage", usage, **labels)
        put.gauge("sglang:num_used_tokens", usage * 400_000, **labels)
        put.gauge("sglang:max_total_num_tokens", 400_000, **labels)
        put.gauge("sglang:cache_hit_rate", 0.46 + 0.03 * wave, **labels)
        put.gauge("sglang:gen_throughput", requests / seconds * ANSWER_TOKENS * (1 + 0.1 * wave), **labels)
        put.gauge("sglang:utilization", usage, **labels)
        put.count("sglang:num_retracted_requests_total", seconds * over * 4, **labels)
        put.count("sglang:evicted_tokens_total", requests * 600, **labels)
        waits = buckets["sglang:queue_time_seconds"]
        put.observe("sglang:queue_time_seconds", requests, 0.03 + self._queued * 0.15, waits, **labels)
        stages = buckets["sglang:per_stage_req_latency_seconds"]
        for stage, median in _STAGES[self.pod.role].items():
            put.observe(
                "sglang:per_stage_req_latency_seconds",
                requests,
                median * (1 + over * 12),
                stages,
                **labels,
                stage=stage,
            )
        put.gauge("sglang:spec_accept_rate", 0.71 + 0.05 * wave, **labels)
        put.gauge("sglang:spec_accept_length", 2.9 + 0.2 * wave, **labels)
        for name, value in (("slots_used", 3), ("slots_total", 4), ("utilization", 0.75)):
            put.gauge(f"sglang:lora_pool_{name}", value, **labels)
        if self.pod.role != "serve":
            self._transfer(seconds, requests, wave, now, labels)

    def _transfer(self, seconds: float, requests: float, wave: float, now: Conditions, labels: dict[str, str]) -> None:
        put, buckets, lame = self.target, engine_buckets(), 1 + 6 * now.fabric
        failed = seconds * now.fabric * 0.4
        put.count("sglang:num_transfer_failed_reqs_total", failed, **labels)
        put.count("sglang:num_bootstrap_failed_reqs_total", failed / 4, **labels)
        if self.pod.role == "prefill":
            put.count("sglang:num_prefill_retries_total", failed / 2, **labels)
            put.gauge("sglang:num_prefill_bootstrap_queue_reqs", round(2 + wave + 12 * now.fabric), **labels)
            put.gauge("sglang:num_prefill_inflight_queue_reqs", round(5 + 2 * wave + 30 * now.fabric), **labels)
            # KVTransfer figures are the sender's (srt/disaggregation/prefill.py).
            for name, median in (
                ("speed_gb_s", 38 / lame),
                ("latency_ms", 70 * lame),
                ("bootstrap_ms", 18 * lame),
                ("alloc_ms", 9 * lame),
                ("total_mb", 900.0),
            ):
                family = f"sglang:kv_transfer_{name}"
                put.observe(family, requests, median, buckets[family], **labels)
        else:
            put.gauge("sglang:num_decode_prealloc_queue_reqs", round(3 + wave + 20 * now.fabric), **labels)
            put.gauge("sglang:num_decode_transfer_queue_reqs", round(4 + 2 * wave + 25 * now.fabric), **labels)
            put.gauge("sglang:pending_prealloc_token_usage", 0.05 + 0.3 * now.fabric, **labels)

    def _labels(self) -> dict[str, str]:
        decode = self.pod.role == "decode"
        return {
            "model_name": self.pod.model,
            "engine_type": "unified" if self.pod.role == "serve" else self.pod.role,
            "tp_rank": str(self.pod.rank * 4),
            "pp_rank": "0",
            "moe_ep_rank": "0",
            **({"dp_rank": str(self.pod.rank)} if decode else {}),
        }
