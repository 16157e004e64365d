"""How a mixture of experts is spread: exchange of tokens, balance, redundant experts, kernels."""
