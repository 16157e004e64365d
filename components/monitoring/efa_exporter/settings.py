"""Settings of who exports the counters of the EFA interfaces."""

from __future__ import annotations

from typing import Literal

from components.settings import Repository, Settings, Sha256Digest

EfaOwner = Literal["stack", "hyperpod", "other", "none"]


class EfaExporterImageSettings(Settings):
    """Where the exporter's image, the official one of Python, is pulled from."""

    repository: Repository | None = None
    """A mirror in your own registry; it carries the known tag."""
    digest: Sha256Digest | None = None
    """Digest of that tag's image; `sglang-hyperpod pin` writes it."""


class EfaExporterSettings(Settings):
    """Counters of the EFA interfaces (`node_amazonefa_*`): bytes, retransmits, drops, errors. The node exporter has
    none of them."""

    owner: EfaOwner | None = None
    """Who exports them. `stack`: an exporter of this stack's own, on the nodes with EFA. `hyperpod`: HyperPod's
    observability add-on, to Managed Prometheus alone. `other`: somebody else's, which this stack's Prometheus scrapes
    by a monitor of theirs. `none`: nobody. Without a value: `hyperpod` where `hyperpodObservability` has its
    `networkMetrics` on, or else `stack`."""
    image: EfaExporterImageSettings = EfaExporterImageSettings()
    """Image in which the stack's own runs."""
