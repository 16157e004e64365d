"""Counters of the EFA interfaces as metrics: a script of the stack's own on every node that has any."""
