"""Alerts and objectives: the rules that Prometheus evaluates, as typed data, and what a plan switches on."""
