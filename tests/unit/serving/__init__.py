"""Tests of the served models."""
