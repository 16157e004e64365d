"""Traces of requests: a collector that keeps the telling ones, and Tempo or X-Ray, which stores them."""
