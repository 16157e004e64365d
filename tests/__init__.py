"""The tiers of tests; `python -m tests` runs them."""
