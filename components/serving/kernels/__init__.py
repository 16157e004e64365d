"""Kernels, CUDA graphs and collectives."""
