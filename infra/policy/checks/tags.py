"""Everything that AWS bills or that somebody may find alone says which stack it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.base_names import PROJECT
