"""The whole stack file, read and checked: typed settings, or every problem at once. Pure: imports no Pulumi."""

from infra.settings.files import UnreadableFile, from_engine, load_stack_file
from infra.settings.stack import StackSettings
from infra.settings.validate import Validated, validate

__all__ = ["StackSettings", "UnreadableFile", "Validated", "from_engine", "load_stack_file", "validate"]
