"""One preview of the dev stack, run once for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.source import Source, previewed
from infra.report.model import Preview

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def dev() -> Preview:
    return previewed(Source(ROOT / "Pulumi.dev.yaml", "dev"))
