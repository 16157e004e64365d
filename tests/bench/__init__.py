"""Figures of speed and memory, each from a process of its own; printed, never asserted, since machines differ."""
