"""Read-only checks of a live cluster against the plan.

`reader` asks `kubectl` and gives a `Cluster`, `expected` takes from the recorded program what should be there, and
`checks` compare the two: pure functions, each with the runbook page that explains its finding.
"""
