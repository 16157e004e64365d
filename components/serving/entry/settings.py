"""Settings of the way in: an Ingress that the AWS Load Balancer Controller turns into an ALB."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.serving.group.settings import GroupName
from components.settings import Arn, Ipv4Cidr, Settings


class EntrySettings(Settings):
    """One rule on the stack's Application Load Balancer. Models with an entry share one load balancer."""

    host: Annotated[str, StringConstraints(pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=128)] | None = None
    """Host name that clients use, e.g. `r1.example.com`; without one every host name matches. A load balancer compares
    128 characters at most."""
    path: Annotated[str, StringConstraints(pattern=r"^(/[a-z0-9][a-z0-9_-]*){1,4}$", max_length=64)] | None = None
    """Path below which clients find the model, e.g. `/r1`, so that several models share a host name. The load balancer
    takes it off again: the base URL is `https://host/r1/v1`, and the engine sees `/v1`."""
    traffic: dict[GroupName, Annotated[int, Field(ge=0, le=100)]] = Field(default={}, max_length=5)
    """Shares of the requests in percent by model, this one among them: a canary (`{r1: 95, r1-next: 5}`), or blue and
    green (`{blue: 100, green: 0}`). The other models have no entry of their own. By default this model gets all. AWS
    allows five target groups in one action."""
    scheme: Literal["internal", "internet-facing"] = "internal"
    """Where the load balancer has its addresses; fixed once made."""
    certificate_arn: Arn | None = None
    """ACM certificate; with it the listener speaks TLS 1.3 (1.2 for older clients) on 443, without it HTTP on 80."""
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 3600
    """Seconds of silence after which the ALB cuts a connection; a stream that waits in a queue is silent. AWS allows
    1 to 4000 and defaults to 60."""
    inbound_cidrs: list[Ipv4Cidr] = Field(default=[], max_length=60)
    """Networks that may connect; by default the VPC's own, which an internet-facing load balancer cannot use."""

    @property
    def url(self) -> str | None:
        """Base URL of the API through the load balancer; None without a host name."""
        if self.host is None:
            return None
        return f"{'https' if self.certificate_arn else 'http'}://{self.host}{self.path or ''}/v1"
