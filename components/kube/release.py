"""Helm charts: always a real Helm release with a fixed name, a pinned version and a time-out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.facts.pins import Chart


def release(
    logical_name: str,
    chart: Chart,
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    namespace: pulumi.Input[str],
    release_name: str | None = None,
    skip_await: bool = False,
    timeout: int = 600,
) -> k8s.helm.v3.Release:
    """Install `chart` as Helm itself would: hooks run, `lookup` and generated certificates are evaluated once.

    `helm.v4.Chart` would drop hooks and redraw generated certificates at each update (pulumi-kubernetes#3284).
    `skip_await` is for what cannot be ready yet, such as a DaemonSet for nodes that do not exist; `timeout` is in
    seconds. The release's name is fixed, or Pulumi would add a random suffix; a chart in an OCI registry has no
    repository.
    """
    return k8s.helm.v3.Release(
        logical_name,
        name=release_name or chart.name,
        chart=chart.reference,
        version=chart.version,
        repository_opts={"repo": chart.repository} if chart.repository else None,
        namespace=namespace,
        create_namespace=False,
        values=dict(values),
        skip_await=skip_await,
        timeout=timeout,
        cleanup_on_fail=True,
        opts=opts,
    )
