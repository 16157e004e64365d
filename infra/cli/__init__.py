"""The command `sglang-hyperpod`: a file per command. Each imports what it needs when it runs, so that all start fast."""
