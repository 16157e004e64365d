"""What happens to the played stack, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conditions:
    """The state of things. `requests_per_second` reach each model. The others are shares from 0 (none) to 1:

    `pressure`: how full queues and KV caches are; `errors`: requests that fail at the router; `fabric`: how much of the
    EFA traffic is sent again. `node_lost`: the node of rank 1 of the second decode group is away, and with it the
    group. `xid`: the last XID error of a GPU of another node, 0 for none. `image_missing`: the first model's image
    cannot be pulled. `router_down`: no router answers. `scraped`: Prometheus reaches the engines at all.
    """

    requests_per_second: float = 6.0
    pressure: float = 0.35
    errors: float = 0.0
    fabric: float = 0.0
    node_lost: bool = False
    xid: int = 0
    image_missing: bool = False
    router_down: bool = False
    scraped: bool = True


@dataclass(frozen=True, slots=True)
class Phase:
    """Conditions that hold for `seconds`."""

    name: str
    seconds: float
    conditions: Conditions


LOAD = Conditions()
"""Busy and healthy."""
OUTAGE = Conditions(requests_per_second=5.0, pressure=1.0, errors=0.3, fabric=0.6, node_lost=True, xid=94)
"""A node is lost: its group is away, the others are overrun; another node's GPU has had a memory error (XID 94)."""
RECOVERY = Conditions(requests_per_second=4.5, pressure=0.25)
"""The node is back and the queue is drained."""

SCENARIO = (Phase("load", 1800, LOAD), Phase("outage", 900, OUTAGE), Phase("recovery", 1800, RECOVERY))
"""An hour and a quarter."""
