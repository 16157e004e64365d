"""Golden files: what must not change unseen. Renew them with `python -m tests.golden`, and read the difference."""
