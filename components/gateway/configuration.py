"""The configuration of LiteLLM's proxy 1.108.7. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from components.gateway.budgets import of_a_key, of_a_name, token_prices

if TYPE_CHECKING:
    from components.gateway.plan import GatewayPlan, RoutePlan
    from components.gateway.settings import KeySettings

PORT: Final = 4000
"""The proxy's own default; API, health and metrics share it."""

FOLDER: Final = "/etc/gateway"
CONFIG_FILE: Final = "config.yaml"
KEYS_MODULE: Final = "gateway_keys"
KEYS_FILE: Final = "/etc/gateway-keys/keys.json"

LAUNCH: Final = """\
import os, secrets
os.environ["LITELLM_MASTER_KEY"] = "sk-" + secrets.token_hex(32)
from litellm import run_server
run_server()
"""
"""The proxy does not start without a master key, which opens its admin API. Nobody needs that here: each start draws a
key that nobody learns."""

ENVIRONMENT: Final = {
    # It would fetch prices, offer a page of documentation and one for administrators.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_DOCS": "True",
    "NO_REDOC": "True",
    "DISABLE_ADMIN_UI": "True",
    # The root file system is read-only.
    "HOME": "/tmp",  # noqa: S108 - a volume of the pod's own
    "XDG_CACHE_HOME": "/tmp",  # noqa: S108 - a volume of the pod's own
    "GATEWAY_KEYS": KEYS_FILE,
}

OUT_FOR_SECONDS: Final = 30
"""Seconds for which a model of several is left out after failures; the proxy's own 5 would ask it again and again."""


@cache
def keys_module() -> str:
    """The source of what is asked about a client key."""
    return (Path(__file__).parent / f"{KEYS_MODULE}.py").read_text(encoding="utf-8")


def arguments() -> tuple[str, ...]:
    """The proxy's command line; one process, since limits are counted in memory and Kubernetes adds replicas."""
    config = f"{FOLDER}/{CONFIG_FILE}"
    here = ("--host", "0.0.0.0", "--port", str(PORT))  # noqa: S104 - the pod's address; a NetworkPolicy says who asks
    return ("--config", config, *here, "--num_workers", "1")


def configuration(plan: GatewayPlan) -> dict[str, Any]:
    """The whole configuration; it holds no key, only the names of environment variables with them."""
    fallbacks = [{route.name: list(route.fallbacks)} for route in plan.routes if route.fallbacks]
    return {
        "model_list": [
            deployment for route in plan.routes for deployment in _deployments(route, plan.settings.replicas)
        ],
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "num_retries": plan.settings.retries,
            "timeout": plan.settings.request_timeout_seconds,
            "cooldown_time": OUT_FOR_SECONDS,
            "fallbacks": fallbacks,
        },
        "litellm_settings": {
            "callbacks": ["prometheus"],
            # NetworkPolicies let nobody but Prometheus and the load balancer at the port, and that one not at /metrics.
            "require_auth_for_metrics_endpoint": False,
            # Without these two a key's list of models is not looked at.
            "enable_post_custom_auth_checks": True,
            # 422 otherwise for a key's budget, and 429 for a name's: one thing should have one status.
            "budget_exceeded_status_code": 429,
            "telemetry": False,
            "turn_off_message_logging": True,
        },
        "general_settings": {
            "master_key": "os.environ/LITELLM_MASTER_KEY",
            "custom_auth": f"{KEYS_MODULE}.authenticate",
            "custom_auth_run_common_checks": True,
        },
    }


def _deployments(route: RoutePlan, replicas: int) -> list[dict[str, Any]]:
    if route.by_complexity is not None:
        tiers = {name.upper(): target for name, target in route.by_complexity.model_dump().items()}
        params: dict[str, Any] = {
            "model": "auto_router/complexity_router",
            "complexity_router_config": {"tiers": tiers},
        }
        return [{"model_name": route.name, "litellm_params": params}]
    return [
        {
            "model_name": route.name,
            "litellm_params": {
                "model": f"openai/{target.served}",
                "api_base": target.endpoint,
                "api_key": f"os.environ/{target.key_variable}" if target.key_variable else "none",
                "weight": target.weight,
                **token_prices(target.price),
                **of_a_name(route.budget, replicas),
            },
        }
        for target in route.targets
    ]


def key_rights(keys: list[KeySettings], secrets: Mapping[str, str], replicas: int) -> dict[str, dict[str, Any]]:
    """What each key may do at one replica, by the key's SHA-256: its part of every limit, rounded up."""

    def part(limit: int | None) -> int | None:
        return None if limit is None else -(-limit // replicas)

    return {
        hashlib.sha256(secrets[key.secret].encode()).hexdigest(): {
            "key_alias": key.name,
            "models": key.models,
            "rpm_limit": part(key.requests_per_minute),
            "tpm_limit": part(key.tokens_per_minute),
            "max_parallel_requests": part(key.concurrent_requests),
            **of_a_key(key, replicas),
        }
        for key in keys
    }
