"""From the engine's configuration to a deployed stack; a bad configuration ends here, before any resource exists."""

from __future__ import annotations

from pathlib import Path

import pulumi
from pulumi.runtime import config as engine_config

from components.aws.hyperpod.chart import is_materialised
from infra.plan import resolve
from infra.settings import from_engine, validate
from infra.stack import deploy


def main(charts: Path | None = None) -> None:
    """Check the configuration, then register the stack. Raises `pulumi.RunError` with every problem at once.

    `charts` is the folder in which `sglang-hyperpod chart` puts the HyperPod dependency chart; where it is given, a
    stack that needs the chart stops without it. An offline preview gives none and reads none.
    """
    values = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    secret_names = {*engine_config.get_config_secret_keys_env(), *engine_config._SECRET_KEYS.get()}
    checked = validate(from_engine(values, secret_names))
    for problem in checked.warnings:
        pulumi.log.warn(str(problem))
    if checked.settings is None:
        faults = "\n".join(f"  {problem}" for problem in checked.errors)
        raise pulumi.RunError(f"the settings of this stack have {len(checked.errors)} problem(s):\n{faults}")
    plan = resolve(checked.settings)
    if charts is not None and plan.hyperpod and not is_materialised(charts):
        raise pulumi.RunError("the HyperPod dependency chart is not here yet: run `sglang-hyperpod chart`")
    deploy(checked.settings, plan, pulumi.get_stack())
