"""Rules of the engine's environment variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.facts.engines import SUPPORTED, engine
from components.rules import Finding, Severity
from components.serving.engine import environment, variables
from components.serving.rule_set import rules

if TYPE_CHECKING:
    from components.serving.settings import ModelSettings


@rules.rule("engine.environment", source="awslabs/awsome-distributed-ai efa-cheatsheet.md")
def variables_can_be_right(model: ModelSettings) -> Iterator[Finding]:
    """Variables that only InfiniBand reads, that turn EFA off, or that would show a secret."""
    yield from environment.refused(model.environment)


@rules.rule(
    "engine.environment-cost", source="awslabs/awsome-distributed-ai efa-cheatsheet.md", severity=Severity.WARNING
)
def variables_do_not_cost(model: ModelSettings) -> Iterator[Finding]:
    """Variables that work and make it slower."""
    yield from environment.discouraged(model.environment)


@rules.rule("engine.environment-unknown", source="sglang/srt/environ.py and os.environ in each wheel")
def the_release_reads_the_variable(model: ModelSettings) -> Iterator[Finding]:
    """A variable of the engine's own that the release does not read would silently do nothing."""
    if model.engine.version in SUPPORTED:
        yield from variables.unknown(engine(model.engine.version), model.environment)


@rules.rule("engine.environment-value", source="sglang/srt/environ.py of each wheel: EnvField.get")
def the_release_takes_the_value(model: ModelSettings) -> Iterator[Finding]:
    """A value that the engine cannot read is replaced by the default, with a warning in its log."""
    if model.engine.version in SUPPORTED:
        yield from variables.misread(engine(model.engine.version), model.environment)


@rules.rule("engine.environment-replaced", source="sglang/srt/environ.py: deprecated names", severity=Severity.WARNING)
def the_variable_is_current(model: ModelSettings) -> Iterator[Finding]:
    """An old name goes with some later release."""
    if model.engine.version in SUPPORTED:
        yield from variables.replaced(engine(model.engine.version), model.environment)
