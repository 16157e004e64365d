"""The command `sglang-hyperpod`, a file per command; each imports what it needs when it runs, so all start fast."""
