"""SGLang releases as data: flags, metrics, environment, images, known vulnerabilities; and the flags of the router."""

from components.facts.engines.engine import (
    ROUTER_VERSION,
    Engine,
    Flag,
    Metric,
    RouterRelease,
    UnsupportedEngine,
    Variable,
    engine,
    router_flags,
)
from components.facts.engines.images import DEFAULT_IMAGES, EngineImage, describe_image
from components.facts.engines.security import Cve, cves
from components.facts.engines.versions import DEFAULT, SUPPORTED, EngineVersion, at_least

__all__ = [
    "DEFAULT",
    "DEFAULT_IMAGES",
    "ROUTER_VERSION",
    "SUPPORTED",
    "Cve",
    "Engine",
    "EngineImage",
    "EngineVersion",
    "Flag",
    "Metric",
    "RouterRelease",
    "UnsupportedEngine",
    "Variable",
    "at_least",
    "cves",
    "describe_image",
    "engine",
    "router_flags",
]
