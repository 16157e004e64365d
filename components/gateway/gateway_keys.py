"""What LiteLLM's proxy asks about each client key; runs in the gateway, beside its configuration.

`GATEWAY_KEYS` names a JSON file: by the SHA-256 of a key, what it may do (fields of LiteLLM's `UserAPIKeyAuth`).
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

_KEYS: dict[str, dict[str, Any]] = json.loads(Path(os.environ["GATEWAY_KEYS"]).read_text(encoding="utf-8"))


async def authenticate(_request: Any, api_key: str | None) -> Any:
    """The rights of a key; an unknown one is answered 401."""
    # Only LiteLLM's image has it.
    from litellm.proxy._types import ProxyException, UserAPIKeyAuth  # ty: ignore[import-not-found]

    digest = hashlib.sha256((api_key or "").encode()).hexdigest()
    if digest not in _KEYS:
        raise ProxyException(message="unknown key", type="auth_error", param="key", code=401)
    return UserAPIKeyAuth(api_key=api_key, **_KEYS[digest])
