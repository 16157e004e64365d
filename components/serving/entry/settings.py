"""Settings of the way in: an Ingress that the AWS Load Balancer Controller turns into an ALB."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.settings import Arn, Ipv4Cidr, Settings


class EntrySettings(Settings):
    """One rule on the stack's Application Load Balancer. Models with an entry share one load balancer."""

    host: Annotated[str, StringConstraints(pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)] | None = None
    """Host name that clients use, e.g. `r1.example.com`; without one every host name matches."""
    scheme: Literal["internal", "internet-facing"] = "internal"
    """Where the load balancer has its addresses; fixed once made."""
    certificate_arn: Arn | None = None
    """ACM certificate; with it the listener speaks TLS 1.3 (1.2 for older clients) on 443, without it HTTP on 80."""
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 3600
    """Seconds of silence after which the ALB cuts a connection; a stream that waits in a queue is silent. AWS allows
    1 to 4000 and defaults to 60."""
    inbound_cidrs: list[Ipv4Cidr] = Field(default=[], max_length=60)
    """Networks that may connect; by default the VPC's own, which an internet-facing load balancer cannot use."""
