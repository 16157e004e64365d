"""Speculative decoding: a draft guesses several tokens, the model checks them in one step."""
