"""What the plan costs, from the dated prices in the settings; an unknown price stays unknown and out of every sum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from components.aws.nodes.plan import PoolPlan, SystemPoolPlan

if TYPE_CHECKING:
    from infra.settings.prices import PriceTable

HOURS_PER_MONTH = 730
"""Hours of a month, as AWS counts them in its price examples (8,760 hours a year over twelve months)."""

_EXTENDED = "the version is out of standard support"


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that is paid for. `hourly` is for all `count` of them, None where the price is unknown; `key` is where
    it is entered, below `prices`.
    """

    item: str
    count: int
    hourly: float | None
    note: str = ""
    key: str = ""

    @property
    def monthly(self) -> float | None:
        """Price of a month of 730 hours."""
        return None if self.hourly is None else self.hourly * HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Cost:
    """Every cost line, with the currency and the day of the prices. `uncounted` names what is paid for by use."""

    lines: tuple[CostLine, ...]
    currency: str
    as_of: date | None
    uncounted: tuple[str, ...] = ()

    @property
    def hourly(self) -> float:
        """Sum of the lines whose price is known."""
        return sum(line.hourly for line in self.lines if line.hourly is not None)

    @property
    def monthly(self) -> float:
        """The hourly sum over a month of 730 hours."""
        return self.hourly * HOURS_PER_MONTH

    def summary(self) -> dict[str, object]:
        """The cost as a stack output: sums, their date, and what they leave out."""
        return {
            "hourly": round(self.hourly, 2),
            "monthly": round(self.monthly, 2),
            "currency": self.currency,
            "asOf": self.as_of.isoformat() if self.as_of else None,
            "unknown": list(self.unknown),
            "uncounted": list(self.uncounted),
        }

    @property
    def unknown(self) -> tuple[str, ...]:
        """The items that the sums leave out."""
        return tuple(line.item for line in self.lines if line.hourly is None)


def cost_of(
    prices: PriceTable,
    pools: Sequence[PoolPlan],
    system_pool: SystemPoolPlan,
    *,
    nat_gateways: int,
    extended_support: bool,
    lustre_gib: int,
    lustre_throughput: int | None,
    uncounted: Iterable[str] = (),
) -> Cost:
    """Cost of a stack: nodes, control plane, NAT gateways, file system. Traffic and requests are not in it.

    `extended_support`: the control plane's version is out of standard support. `lustre_throughput` is MB/s per TiB;
    `uncounted` is what is paid for by use.
    """
    per_hour = prices.per_hour.get(system_pool.instance_type)
    lines = [
        *(_pool_line(prices, pool) for pool in pools),
        _node_line("system pool", system_pool.nodes, per_hour, system_pool.instance_type),
        _line("EKS control plane", 1, prices.control_plane_hour, key="controlPlaneHour"),
        *_surcharge(prices, extended_support),
        *_gateways(prices, nat_gateways),
        *([_lustre_line(prices, lustre_gib, lustre_throughput)] if lustre_gib else ()),
    ]
    return Cost(tuple(lines), prices.currency, prices.as_of, tuple(uncounted))


def pool_item(pool: PoolPlan) -> str:
    """What a pool's cost line is called."""
    return f"node pool {pool.name}"


def _pool_line(prices: PriceTable, pool: PoolPlan) -> CostLine:
    item = pool_item(pool)
    if pool.instance_type in prices.per_hour:
        return _node_line(item, pool.nodes, prices.per_hour[pool.instance_type], pool.instance_type)
    listed = prices.per_hour.get(pool.instance_type.removeprefix("ml."))
    note = f"{pool.instance_type}: EC2 list price, HyperPod price not set" if listed is not None else pool.instance_type
    return _line(item, pool.nodes, listed, note, f"perHour.{pool.instance_type}")


def price_of_type(prices: PriceTable, instance_type: str) -> float | None:
    """Price of an hour of one node: HyperPod's own, or else EC2's; None where neither is known."""
    return prices.per_hour.get(instance_type, prices.per_hour.get(instance_type.removeprefix("ml.")))


def _surcharge(prices: PriceTable, extended_support: bool) -> Iterator[CostLine]:
    if extended_support:
        yield _line("EKS extended support", 1, prices.extended_support_hour, _EXTENDED, "extendedSupportHour")


def _gateways(prices: PriceTable, count: int) -> Iterator[CostLine]:
    if count:
        yield _line("NAT gateway", count, prices.nat_gateway_hour, "without traffic", "natGatewayHour")


def _lustre_line(prices: PriceTable, gib: int, throughput: int | None) -> CostLine:
    month = prices.lustre_gib_month.get(str(throughput))
    hourly = None if month is None else month * gib / HOURS_PER_MONTH
    return CostLine(
        "FSx for Lustre", 1, hourly, f"{gib} GiB, {throughput} MB/s per TiB", f"lustreGibMonth.{throughput}"
    )


def _node_line(item: str, count: int, price: float | None, instance_type: str) -> CostLine:
    return _line(item, count, price, instance_type, f"perHour.{instance_type}")


def _line(item: str, count: int, price: float | None, note: str = "", key: str = "") -> CostLine:
    return CostLine(item, count, None if price is None else price * count, note, key)
