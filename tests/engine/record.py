"""`python -m tests.engine.record`: record the state of each shipped stack anew, which is done at each release.

The next release must still preview without replacements on the state that this one left behind.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from tests import tools
from tests.engine.stack import EngineStack, shipped_settings, simulated_providers

STACKS = ("dev", "prod")
FOLDER = Path(__file__).parent / "recorded"


def recorded(name: str) -> Path:
    """Where the state of a stack is kept."""
    return FOLDER / f"{name}.json.gz"


def main() -> None:
    """Deploy each stack in a temporary folder and keep its state, without what differs from run to run."""
    from infra.program import main as program

    cli = tools.find("pulumi")
    if cli is None:
        raise SystemExit("there is no Pulumi CLI; `make tools` builds it")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, simulated_providers(Path(temporary)) as socket:
        for name in STACKS:
            stack = EngineStack(Path(temporary, name), name, shipped_settings(name), program, cli=cli, socket=socket)
            up = stack.up()
            if not up.ok:
                raise SystemExit(up.errors())
            state = json.dumps(_lasting(json.loads(stack.state_file.read_text())), separators=(",", ":"))
            recorded(name).write_bytes(gzip.compress(state.encode(), mtime=0))
            print(f"{recorded(name)}: {len(stack.resources())} resources")


def _lasting(value: Any) -> Any:
    """The state without times and places in source files."""
    if isinstance(value, dict):
        passing = {"created", "modified", "sourcePosition", "stackTrace", "time"}
        return {key: _lasting(item) for key, item in value.items() if key not in passing}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
