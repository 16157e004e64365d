"""Tests of one room each, in memory."""
