"""What `pin` asks AWS, through the user's own `aws` command, so that the user's credentials stay there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from infra.cli.web import UnreachableError

RunAws = Callable[[Sequence[str]], str]
"""Runs `aws` with arguments and gives its standard output. Raises `UnreachableError`."""


def run_aws(arguments: Sequence[str]) -> str:
    """Run the `aws` command of this machine."""
    command = ("aws", *arguments, "--output", "json")
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - own arguments
    except FileNotFoundError:
        raise UnreachableError("`aws` is not installed; it is asked for add-on versions and private images") from None
    except subprocess.CalledProcessError as error:
        raise UnreachableError(f"`{' '.join(command)}`: {error.stderr.strip()}") from None


class Aws:
    """Questions to AWS, each one call."""

    def __init__(self, run: RunAws = run_aws) -> None:
        self._run = run

    def addon_version(self, addon: str, kubernetes_version: str, region: str) -> str:
        """The version of an EKS add-on that EKS takes by default for a Kubernetes version.

        The default and not the newest: it is the one that EKS itself installs. Raises `UnreachableError`.
        """
        arguments = ("eks", "describe-addon-versions", "--addon-name", addon)
        content = self._ask((*arguments, "--kubernetes-version", kubernetes_version, "--region", region))
        versions = [version for found in content.get("addons", []) for version in found["addonVersions"]]
        for version in versions:
            if any(fit.get("defaultVersion") for fit in version["compatibilities"]):
                return version["addonVersion"]
        raise UnreachableError(f"EKS names no default version of {addon} for Kubernetes {kubernetes_version}")

    def image_digest(self, account: str, region: str, repository: str, tag: str, media_types: Sequence[str]) -> str:
        """The digest of a tag in a private registry. Raises `UnreachableError`."""
        where = ("--registry-id", account, "--region", region, "--repository-name", repository)
        wanted = ("--image-ids", f"imageTag={tag}", "--accepted-media-types", *media_types)
        content = self._ask(("ecr", "batch-get-image", *where, *wanted))
        for image in content.get("images", []):
            return image["imageId"]["imageDigest"]
        reasons = "; ".join(failure["failureReason"] for failure in content.get("failures", [])) or "no image"
        raise UnreachableError(f"{account}/{repository}:{tag}: {reasons}")

    def _ask(self, arguments: Sequence[str]) -> dict[str, Any]:
        return json.loads(self._run(arguments))
