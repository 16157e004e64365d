"""The scene as a Mermaid flowchart, which GitHub and GitLab draw within Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.report.figures import count
from infra.report.picture.scene import PoolScene, Scene


def mermaid(scene: Scene) -> str:
    """The scene as the text of a `.mmd` file."""
    return "\n".join(_lines(scene)) + "\n"


def _lines(scene: Scene) -> Iterator[str]:
    pools = [pool for zone in scene.zones for pool in zone.pools]
    yield "flowchart TB"
    yield f"  entry{_label(scene.load_balancer or ('Clients in the cluster',))}"
    if scene.load_balancer:
        yield f"  clients{_label(('Clients',))} --> entry"
    if scene.sources:
        yield f"  sources{_label(scene.sources)}"
    for number, lines in enumerate(scene.kept_outside):
        yield f"  kept{number}{_label(lines)}"
    yield f"  subgraph vpc[{_quoted([scene.network])}]"
    yield f"    control{_label(scene.control_plane)}"
    yield f"    subgraph system[{_quoted(scene.system_pool)}]"
    yield f"      platform{_label(scene.platform)}"
    if scene.monitoring:
        yield f"      monitoring{_label(scene.monitoring)}"
    if scene.gateway:
        yield f"      gateway{_label(scene.gateway.lines)}"
    if scene.prefetched:
        yield f"      prefetch{_label(('Weights prefetch',))}"
    yield "    end"
    number = 0
    for position, zone in enumerate(scene.zones):
        yield f"    subgraph zone{position}[{_quoted([f'Zone {zone.name}', *zone.lines])}]"
        if zone.file_system:
            yield f"      files{_label(zone.file_system)}"
        for pool in zone.pools:
            yield from _pool(number, pool)
            number += 1
        if not zone.pools and not zone.file_system:
            yield f"      empty{position}[no GPU nodes]"
        yield "    end"
    yield "  end"
    yield from _flows(scene, pools)


def _pool(number: int, pool: PoolScene) -> Iterator[str]:
    yield f"      subgraph pool{number}[{_quoted([pool.title, *pool.lines])}]"
    for position, model in enumerate(pool.models):
        yield f"        model{number}_{position}{_label((model.name, *model.lines))}"
    rest = [f"{pool.held} for more replicas"] if pool.held else []
    rest += [f"{pool.spare} spare"] if pool.spare or not pool.models else []
    rest += [count(pool.free_gpus, "free GPU")] if pool.free_gpus else []
    if rest:
        yield f"        spare{number}[{_quoted(rest)}]"
    yield "      end"


def _flows(scene: Scene, pools: Sequence[PoolScene]) -> Iterator[str]:
    files = any(zone.file_system for zone in scene.zones)
    nodes = {
        model.name: f"model{number}_{position}"
        for number, pool in enumerate(pools)
        for position, model in enumerate(pool.models)
    }
    if scene.sources and files:
        yield "  sources -->|weights| prefetch --> files" if scene.prefetched else "  sources -->|weights| files"
    if scene.gateway and scene.gateway.reached:
        yield "  entry -->|requests| gateway"
    for number, pool in enumerate(pools):
        for position, model in enumerate(pool.models):
            if scene.direct(model):
                yield f"  entry -->|requests| model{number}_{position}"
            if model.asked:
                yield f"  gateway -->|requests| model{number}_{position}"
            if model.sends_to:
                yield f"  model{number}_{position} ==>|{model.sends_by}| {nodes[model.sends_to]}"
            if model.mounts and files:
                yield f"  files -->|weights| model{number}_{position}"
            elif scene.sources:
                yield f"  sources -->|weights| model{number}_{position}"
        if scene.scraped:
            yield f"  monitoring -.->|metrics| pool{number}"


def _label(lines: Sequence[str]) -> str:
    return f"[{_quoted(lines)}]"


def _quoted(lines: Sequence[str]) -> str:
    text = "<br/>".join(line.replace('"', "#quot;") for line in lines)
    return f'"{text}"'
