"""Checks over what the program registers: pure functions that the offline preview and the policy pack both call."""
