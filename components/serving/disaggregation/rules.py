"""Rules of prefill and decode apart that need the model alone; those that need its nodes are in
`infra.rules.disaggregation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components.facts.engines import SUPPORTED, at_least, engine
from components.rules import Finding, Severity
from components.serving.disaggregation.plan import decode_options
from components.serving.disaggregation.transports import TRANSPORTS
from components.serving.engine.command import PORT, RENDEZVOUS_PORT
from components.serving.engine.image import resolve_image
from components.serving.group.settings import LONGEST_GROUP_NAME
from components.serving.lookup import argument, asked_at, facts_of, ranks_of
from components.serving.names import DECODE, PREFILL
from components.serving.roles import FIELDS, PLACEMENT, roles
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings

_CONN: Final = "sglang disaggregation/common/conn.py: try_ensure_parallel_info, _resolve_rank_mapping"
_LONGEST_NAME: Final = LONGEST_GROUP_NAME - len(f"-{PREFILL}")
_RENDEZVOUS_PORTS: Final = range(RENDEZVOUS_PORT, RENDEZVOUS_PORT + 14)


@rules.of_whole("disaggregation.place", source="one place for each setting")
def something_says_where_it_runs(model: ModelSettings) -> Iterator[Finding]:
    """A model says where it runs, or each of its phases does, but never both."""
    if model.disaggregation is None:
        if model.node_pool is None:
            yield Finding("nodePool", "nothing says on which nodes the model runs", "name a node pool")
        return
    aliases = {name: alias for alias, name in FIELDS.items()}
    for name in PLACEMENT:
        if name in model.model_fields_set:
            yield Finding(
                aliases[name],
                f"{aliases[name]} is what disaggregation.prefill and disaggregation.decode say each for itself",
                f"move {aliases[name]} into them",
            )


@rules.of_whole(
    "disaggregation.router", source="sglang docs/advanced_features/pd_disaggregation.md: Router Integration"
)
def a_router_brings_the_phases_together(model: ModelSettings) -> Iterator[Finding]:
    """Somebody sends each request to a prefill and a decode group."""
    if model.disaggregation and model.router is None:
        yield Finding("router", "nobody would bring prefill and decode together", "add router: {}")


@rules.of_whole("disaggregation.name", source="leaderworkerset.sigs.k8s.io: a pod label of 63 characters")
def names_leave_room_for_the_phase(model: ModelSettings) -> Iterator[Finding]:
    """The LeaderWorkerSets are called after model and phase."""
    if model.disaggregation and len(model.name) > _LONGEST_NAME:
        yield Finding(
            "name",
            f"{model.name} has {len(model.name)} characters, and {model.name}-{PREFILL} would be too long a name",
            f"use {_LONGEST_NAME} characters at most",
        )


@rules.of_whole("disaggregation.release", source="components/serving/disaggregation/transports.py: since")
def the_release_knows_the_transport(model: ModelSettings) -> Iterator[Finding]:
    """Older releases cannot choose EFA: NIXL is left at UCX, Mooncake at InfiniBand's protocol."""
    split, version = model.disaggregation, model.engine.version
    if split and version in SUPPORTED and not at_least(version, TRANSPORTS[split.transport].since):
        since = next(release for release in SUPPORTED if at_least(release, TRANSPORTS[split.transport].since))
        yield Finding(
            "disaggregation.transport",
            f"SGLang {version} has no way to move the KV cache over EFA: {split.transport} came with "
            f"{TRANSPORTS[split.transport].since}",
            f"use engine.version {since} or newer, or transport: mooncake-tcp",
        )


@rules.of_whole("disaggregation.image", source="sgl-project/sglang docker/Dockerfile; mooncake-transfer-engine-efa")
def the_image_has_the_transport(model: ModelSettings) -> Iterator[Finding]:
    """EFA's libfabric is in some images, Mooncake's EFA wheel in none that is known."""
    split, image = model.disaggregation, resolve_image(model.engine)
    transport = TRANSPORTS[split.transport] if split else None
    if transport is None or image is None:
        return
    if transport.efa and not image.efa_capable:
        known = "has no" if image.efa_capable is False else "is not known to have"
        yield Finding(
            "engine.image",
            f"{image.reference} {known} libfabric with EFA, which transport {transport.name} needs",
            "use an AWS Deep Learning Container (engine.version 0.5.17 has one), or build one and say efaCapable: true",
        )
    if transport.mooncake_wheel and not model.engine.image.mooncake_efa:
        yield Finding(
            "engine.image",
            f"{image.reference} is not known to have Mooncake's EFA wheel, without which {transport.name} runs over "
            "TCP and then hangs",
            "build an image with mooncake-transfer-engine-efa and say engine.image.mooncakeEfa: true, or use "
            "transport: nixl-libfabric",
        )


@rules.of_whole("disaggregation.privileged", source="ai-dynamo/dynamo docs/kubernetes/cloud-providers/eks/efa.md")
def privilege_is_agreed_to(model: ModelSettings) -> Iterator[Finding]:
    """Pods are privileged only where the transport needs it and the user agreed."""
    split = model.disaggregation
    if split and TRANSPORTS[split.transport].privileged and not split.privileged:
        yield Finding(
            "disaggregation.privileged",
            f"{split.transport} registers GPU memory with EFA, which was shown to work in privileged pods alone",
            "set privileged: true to agree to that, or use transport: mooncake-tcp",
        )


@rules.of_whole(
    "disaggregation.privileged-idle",
    source="components/serving/disaggregation/transports.py: privileged",
    severity=Severity.WARNING,
)
def privilege_is_not_given_for_nothing(model: ModelSettings) -> Iterator[Finding]:
    """A transport over TCP runs in ordinary pods."""
    split = model.disaggregation
    if split and split.privileged and not TRANSPORTS[split.transport].privileged:
        yield Finding(
            "disaggregation.privileged", f"{split.transport} needs no privileged pods, and gets none", "remove it"
        )


@rules.of_whole("disaggregation.pipeline", source=_CONN)
def pipelines_match(model: ModelSettings) -> Iterator[Finding]:
    """Decode has one stage, or as many as prefill."""
    split = model.disaggregation
    if split is None:
        return
    first, second = split.prefill.parallelism.pipeline, split.decode.parallelism.pipeline
    if second not in (1, first):
        yield Finding(
            "disaggregation.decode.parallelism.pipeline",
            f"decode has {second} pipeline stages and prefill {first}: decode cannot find its layers",
            f"use pipeline: 1{f' or {first}' if first > 1 else ''}",
        )


@rules.of_whole("disaggregation.tensor", source=_CONN)
def attention_ranks_divide_each_other(model: ModelSettings) -> Iterator[Finding]:
    """A rank of one phase talks to whole ranks of the other."""
    first, second = _attention(model)
    if max(first, second) % min(first, second):
        yield Finding(
            "disaggregation.decode.parallelism",
            f"{second} attention ranks of decode and {first} of prefill do not divide each other",
            f"use {first}, a divisor or a multiple of it",
        )


@rules.of_whole("disaggregation.tensor-differs", source=_CONN, severity=Severity.WARNING)
def attention_ranks_are_alike(model: ModelSettings) -> Iterator[Finding]:
    """Without MLA, ranks that differ send slices of heads, which the engine itself warns of."""
    facts, (first, second) = facts_of(model), _attention(model)
    if facts and facts.mla is None and first != second:
        yield Finding(
            "disaggregation.decode.parallelism",
            f"{second} attention ranks of decode and {first} of prefill: each transfer is cut into slices of heads",
            f"use as many in both, e.g. {first}",
        )


@rules.of_whole("disaggregation.page-size", source=_CONN)
def pages_are_alike(model: ModelSettings) -> Iterator[Finding]:
    """Both phases count the KV cache in the same pages."""
    if model.disaggregation is None:
        return
    first, second = (argument(role.settings, "page-size") for role in roles(model))
    if first != second:
        yield Finding(
            "disaggregation.decode.arguments.page-size",
            f"decode has pages of {second or 'the default size'} and prefill of {first or 'the default size'}",
            "set page-size in the model's arguments, for both",
        )


@rules.of_whole("disaggregation.bootstrap-port", source="components/serving/engine/command.py: the engine's ports")
def the_bootstrap_port_is_free(model: ModelSettings) -> Iterator[Finding]:
    """No other server of the engine has the port."""
    split = model.disaggregation
    if split and (split.bootstrap_port == PORT or split.bootstrap_port in _RENDEZVOUS_PORTS):
        owner = "API and metrics" if split.bootstrap_port == PORT else "the ranks' rendezvous"
        yield Finding("disaggregation.bootstrapPort", f"{split.bootstrap_port} is the port of {owner}", "use 8998")


@rules.rule("disaggregation.variables", source="components/serving/disaggregation/transports.py: refused")
def variables_leave_the_transport_alone(model: ModelSettings) -> Iterator[Finding]:
    """No variable works against the transport."""
    split = model.disaggregation
    if split is None:
        return
    for name, value in model.environment.items():
        why = TRANSPORTS[split.transport].refused.get(name)
        if why:
            yield Finding(f"environment.{name}", f"{name} {why}", "remove it")
        elif split.transport == "mooncake-efa" and name.endswith("_ALLOC_CONF") and "expandable_segments:True" in value:
            yield Finding(
                f"environment.{name}", "memory in expandable segments cannot be registered with EFA", "remove it"
            )


@rules.of_whole("disaggregation.decode-option", source="argparse of each wheel")
def decode_options_are_those_of_the_release(model: ModelSettings) -> Iterator[Finding]:
    """What only decode can be told came with some release."""
    split, version = model.disaggregation, model.engine.version
    if split is None or version not in SUPPORTED:
        return
    for path, flag, _ in decode_options(split.decode):
        if flag not in engine(version).flags:
            yield Finding(
                f"disaggregation.decode.{path}",
                f"SGLang {version} has no flag {flag}",
                f"remove it, or use engine.version {_first_with(flag)} or newer",
            )


@rules.rule("disaggregation.decode-cache", source="sglang arg_groups/pd_disaggregation_hook.py: decode")
def decode_extends_no_cache_that_it_lacks(model: ModelSettings) -> Iterator[Finding]:
    """A decode group has no radix cache, unless it is told to keep one."""
    if model.role != DECODE or model.disaggregation is None:
        return
    path, cache = asked_at(model, "enable-hierarchical-cache") or ("", None)
    if cache is True and not model.disaggregation.decode.radix_cache:
        yield Finding(
            path,
            "decode is forced to a chunk cache, which a hierarchical cache cannot extend",
            "move it to disaggregation.prefill",
        )
    path, algorithm = asked_at(model, "speculative-algorithm") or ("", None)
    if model.disaggregation.decode.radix_cache and algorithm is not None:
        yield Finding(
            path,
            "a radix cache on the decode side excludes speculative decoding",
            "remove disaggregation.decode.radixCache",
        )


@rules.rule(
    "disaggregation.prefill-attention",
    source="awslabs/awsome-distributed-ai: DeepSeek-R1 on p5en, SGLang 0.5.13.post1",
    severity=Severity.WARNING,
)
def prefill_keeps_its_tensor_ranks_together(model: ModelSettings) -> Iterator[Finding]:
    """Data-parallel attention slows prefill down."""
    if model.role == PREFILL and model.parallelism.dp_attention:
        yield Finding(
            "parallelism.dpAttention",
            "data-parallel attention made prefill 28 to 63 % slower",
            "remove it here; decode gains from it",
        )


@rules.rule(
    "disaggregation.deepep-mode", source="sglang 0.5.8 server_args.py:1986: --deepep-mode", severity=Severity.WARNING
)
def deepep_is_pinned_to_the_phase(model: ModelSettings) -> Iterator[Finding]:
    """Each phase needs one of DeepEP's modes."""
    wanted = {PREFILL: "normal", DECODE: "low_latency"}.get(model.role)
    path, mode = asked_at(model, "deepep-mode") or ("experts.deepepMode", "auto")
    if wanted and argument(model, "moe-a2a-backend") == "deepep" and mode != wanted:
        yield Finding(
            path,
            f"{model.role} runs DeepEP in mode {mode}",
            f"set experts: {{deepepMode: {wanted}}} in disaggregation.{model.role}",
        )


def _attention(model: ModelSettings) -> tuple[int, int]:
    """Ranks that share the attention heads of prefill and of decode; 1 and 1 where the phases are not apart."""
    found = [ranks_of(role.settings).attention for role in roles(model)]
    return (found[0], found[1]) if len(found) > 1 else (1, 1)


def _first_with(flag: str) -> str:
    return next((version for version in SUPPORTED if flag in engine(version).flags), SUPPORTED[-1])
