"""Prices: what the plan's cost is worked out from. The program holds none, since every price has a date."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from components.settings import Settings

Price = Annotated[float, Field(ge=0, le=100_000)]


class PriceTable(Settings):
    """A dated table of list prices. What is not in it is shown as unknown and left out of every sum."""

    currency: str = "USD"
    """Currency of every price in the table."""
    as_of: date | None = None
    """The day on which the prices were read; shown beside every cost."""
    source: str = ""
    """Where the prices were read, e.g. the AWS Price List API for a region."""
    per_hour: dict[str, Price] = {}
    """Price of one instance hour by type. `p5.48xlarge` is the EC2 list price; `ml.p5.48xlarge` is HyperPod's, which is
    higher and has to be entered: without it a HyperPod pool shows the EC2 price and says so."""
    control_plane_hour: Price | None = None
    """Price of one EKS control plane hour in standard support."""
    extended_support_hour: Price | None = None
    """What an EKS control plane hour costs more once its version is out of standard support."""
    nat_gateway_hour: Price | None = None
    """Price of one NAT gateway hour, without the traffic."""
    lustre_gib_month: dict[str, Price] = {}
    """FSx for Lustre, price of one GiB-month by throughput per TiB in MB/s, e.g. `"1000"`."""
