"""How SGLang divides a GPU's memory: weights, KV cache, activations; and what the ranks of a layout demand."""
