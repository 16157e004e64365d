"""Published vulnerabilities of SGLang and the releases that they touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components.facts.engines.versions import EngineVersion


@dataclass(frozen=True, slots=True)
class Cve:
    """One vulnerability: releases from `since` (None: from the first) to before `fixed_in` have it.

    `exposed_when` says what has to be running for it to matter.
    """

    id: str
    score: float
    summary: str
    exposed_when: str
    since: str | None
    fixed_in: str
    source: str


CVES: Final = (
    Cve(
        "CVE-2026-3059",
        9.8,
        "unauthenticated code execution: the diffusion runtime's broker unpickles what any host sends it",
        "the multimodal generation (diffusion) runtime is started",
        "0.5.5",
        "0.5.10",
        "CERT/CC VU#665416; sgl-project/sglang#21435",
    ),
    Cve(
        "CVE-2026-3060",
        9.8,
        "unauthenticated code execution: the encoder-disaggregation receiver unpickles what any host sends it",
        "encoder disaggregation is enabled",
        "0.5.5",
        "0.5.10",
        "CERT/CC VU#665416; sgl-project/sglang#21435",
    ),
    Cve(
        "CVE-2026-5760",
        9.8,
        "code execution by a malicious checkpoint: its chat template is rendered unsandboxed in /v1/rerank",
        "a checkpoint from somebody else is served",
        None,
        "0.5.12.post1",
        "CERT/CC VU#915947; sgl-project/sglang#23660: absent in 0.5.10.post1, present in 0.5.12.post1",
    ),
)


def cves(version: str) -> tuple[Cve, ...]:
    """The vulnerabilities of a release, worst first; empty for one without any known."""
    release = EngineVersion(version)
    touched = (
        cve
        for cve in CVES
        if release < EngineVersion(cve.fixed_in) and (cve.since is None or release >= EngineVersion(cve.since))
    )
    return tuple(sorted(touched, key=lambda cve: (-cve.score, cve.id)))
