"""Prefill and decode served apart: two roles of one model, and the transport that carries the KV cache between them."""
