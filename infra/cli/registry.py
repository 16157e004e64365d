"""The digest of an image tag, asked of its registry (OCI distribution specification, "Pull")."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

from infra.cli.aws import Aws
from infra.cli.web import Answer, Ask, UnreachableError

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Media types, the index first: its digest serves every processor architecture."""

_DOCKER_HUB = "registry-1.docker.io"
_PRIVATE = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?$")


def digest_of(repository: str, tag: str, ask: Ask, aws: Aws) -> str:
    """`sha256:...` of `repository:tag`. Raises `UnreachableError` where the registry does not tell."""
    host, name = locate(repository)
    if private := _PRIVATE.match(host):
        return aws.image_digest(private["account"], private["region"], name, tag, MANIFESTS)
    url = f"https://{host}/v2/{name}/manifests/{tag}"
    headers = {"Accept": ", ".join(MANIFESTS)}
    answer = ask(url, method="HEAD", headers=headers)
    if answer.status == 401:
        token = _token(answer, ask, f"{host}/{name}")
        answer = ask(url, method="HEAD", headers={**headers, "Authorization": f"Bearer {token}"})
    digest = answer.headers.get("docker-content-digest", "")
    if answer.status != 200 or not digest.startswith("sha256:"):
        raise UnreachableError(f"{repository}:{tag}: the registry answers with status {answer.status} and no digest")
    return digest


def locate(repository: str) -> tuple[str, str]:
    """Host and name of a repository; without a host it is Docker Hub's, without an owner `library`'s.

    >>> locate("lmsysorg/sglang")
    ('registry-1.docker.io', 'lmsysorg/sglang')
    """
    first, _, rest = repository.partition("/")
    if rest and ("." in first or ":" in first):
        return (_DOCKER_HUB if first == "docker.io" else first), rest
    return _DOCKER_HUB, repository if rest else f"library/{repository}"


def _token(refusal: Answer, ask: Ask, what: str) -> str:
    """A pull token from where the refusal points to: `Bearer realm="...",service="...",scope="..."`."""
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', refusal.headers.get("www-authenticate", "")))
    realm = challenge.pop("realm", "")
    answer = ask(f"{realm}?{urlencode(challenge)}") if realm.startswith("https://") else None
    if answer is None or answer.status != 200:
        raise UnreachableError(f"{what}: the registry gives no anonymous token")
    content = json.loads(answer.body)
    return content.get("token") or content["access_token"]
