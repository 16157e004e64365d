"""The command as a process: clean when piped, quick where nothing heavy is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from infra.cli.main import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


def loads_pulumi(*arguments: str) -> bool:
    code = (
        "import sys\nfrom infra.cli.main import app\n"
        f"sys.argv = ['sglang-hyperpod', *{list(arguments)!r}]\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "print('loaded' if any(name.split('.')[0].startswith('pulumi') for name in sys.modules) else 'light')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.splitlines()[-1] == "loaded"


def test_piped_output_is_plain() -> None:
    done = command("validate", "--stack", "dev")
    assert done.returncode == 0
    assert done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_problems_end_with_status_2() -> None:
    done = command("validate", "--stack", "nowhere")
    assert done.returncode == 2
    assert done.stdout == ""


def test_validating_and_help_load_no_pulumi() -> None:
    assert not loads_pulumi("validate", "--stack", "dev")
    assert not loads_pulumi("--help")
