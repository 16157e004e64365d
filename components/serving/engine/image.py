"""Which image carries an engine release, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.facts.engines import DEFAULT_IMAGES, EngineImage, describe_image

if TYPE_CHECKING:
    from components.serving.engine.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """The image that a kubelet pulls. `efa_capable` is None where nobody said and nothing is known; `facts` is None for
    a repository that is not known.
    """

    repository: str
    tag: str | None
    digest: str | None
    efa_capable: bool | None
    facts: EngineImage | None

    @property
    def reference(self) -> str:
        """What the kubelet pulls: by digest where there is one, the tag kept for the reader."""
        tagged = f"{self.repository}:{self.tag}" if self.tag else self.repository
        return f"{tagged}@{self.digest}" if self.digest else tagged


def resolve_image(engine: EngineSettings) -> ImagePlan | None:
    """The image of an engine: the one given, else the one known for its release, else None.

    A repository given alone is a mirror: it carries the known image's tag.
    """
    given = engine.image
    known = DEFAULT_IMAGES.get(engine.version)
    repository, _, tag = (known or "").partition(":")
    repository = given.repository or repository
    if not repository:
        return None
    tag = given.tag or ("" if given.digest and given.repository else tag)
    facts = describe_image(f"{repository}:{tag}")
    if facts is None and given.repository and not given.tag and known:
        facts = describe_image(known)
    capable = given.efa_capable if given.efa_capable is not None else (facts.efa_capable if facts else None)
    return ImagePlan(repository, tag or None, given.digest, capable, facts)
