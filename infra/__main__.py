"""What Pulumi runs: settings in, stack out."""

from pathlib import Path

from infra.program import main

main(charts=Path(__file__).resolve().parents[1] / ".charts")
