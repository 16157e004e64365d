"""What Pulumi runs: settings in, stack out."""

from infra.program import main

main()
