"""Kubernetes objects as plain data."""

from __future__ import annotations

from typing import Any

Spec = Any
"""Part of an object under Kubernetes' own keys (camelCase); the SDK's typed dictionaries have Python's instead. Its
shape is held against the real schemas by contract tests.
"""
