"""Rules over the settings of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from components.monitoring.alerts.catalogue import EVERY
from components.monitoring.alerts.settings import AlertSettings
from components.rules import Finding, RuleSet

rules = RuleSet("monitoring.alerts")


@rules.rule("alerts.unknown-name", source="components/monitoring/alerts/catalogue: every alert there is")
def disabled_alerts_exist(alerts: AlertSettings) -> Iterator[Finding]:
    """Only alerts that exist are switched off."""
    known = alert_names()
    for index, name in enumerate(alerts.disabled):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            fix = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(sorted(known))}"
            yield Finding(f"disabled[{index}]", f"there is no alert {name}", fix)


def alert_names() -> list[str]:
    """The name of every alert."""
    return [alert.name for alert in EVERY]
