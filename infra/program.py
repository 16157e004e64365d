"""From the engine's configuration to a deployed stack; a bad configuration ends here, before any resource exists."""

from __future__ import annotations

import pulumi
from pulumi.runtime import config as engine_config

from infra.plan import resolve
from infra.settings import from_engine, validate
from infra.stack import deploy


def main() -> None:
    """Check the configuration, then register the stack. Raises `pulumi.RunError` with every problem at once."""
    values = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    secret_names = {*engine_config.get_config_secret_keys_env(), *engine_config._SECRET_KEYS.get()}
    checked = validate(from_engine(values, secret_names))
    for problem in checked.warnings:
        pulumi.log.warn(str(problem))
    if checked.settings is None:
        faults = "\n".join(f"  {problem}" for problem in checked.errors)
        raise pulumi.RunError(f"the settings of this stack have {len(checked.errors)} problem(s):\n{faults}")
    deploy(checked.settings, resolve(checked.settings), pulumi.get_stack())
