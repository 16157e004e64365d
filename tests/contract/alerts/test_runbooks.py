"""Every alert leads to a page that exists and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components.monitoring.alerts.catalogue import EVERY
from components.monitoring.alerts.model import Alert, Family
from components.monitoring.alerts.settings import ThresholdSettings

FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"
PAGES = sorted({FOLDER / "alerts" / f"{alert.family}.md" for alert in EVERY})
PARTS = ("**You see**", "**Why**", "**Do**", "**Prevents it**")


def sections(page: Path) -> dict[str, str]:
    """The text below each second heading, by the anchor that a Markdown renderer gives it."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)[1:]
    return {title.strip().lower().replace(" ", "-"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("alert", EVERY, ids=lambda alert: alert.name)
def test_the_link_of_an_alert_leads_to_its_section(alert: Alert) -> None:
    file, _, anchor = alert.page.partition("#")
    text = sections(FOLDER / file)[anchor]
    assert [part for part in PARTS if part not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_no_section_for_an_alert_that_is_gone(page: Path) -> None:
    family = Family(page.stem)
    assert set(sections(page)) == {alert.anchor for alert in EVERY if alert.family is family}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_thresholds_that_a_page_names_exist(page: Path) -> None:
    known = set(ThresholdSettings().model_dump(by_alias=True))
    assert set(re.findall(r"`thresholds\.(\w+)`", page.read_text())) <= known


def test_the_index_names_every_page() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [page.name for page in PAGES if f"(alerts/{page.name})" not in text] == []
    assert sorted((FOLDER / "alerts").glob("*.md")) == PAGES


def test_each_threshold_is_explained_where_its_alert_is() -> None:
    for alert in EVERY:
        text = sections(FOLDER / "alerts" / f"{alert.family}.md")[alert.anchor]
        for threshold in alert.thresholds - {"engines", "routers", "model", "objective", "budget"}:
            named = f"thresholds.{threshold}" in text or "thresholds" not in text
            assert named, (alert.name, threshold)
