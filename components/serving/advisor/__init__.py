"""Advice on the layout of a model, predicted by NVIDIA's aiconfigurator from measurements of GPU kernels."""
