"""A KV cache with further levels: host memory, then files or a store."""
