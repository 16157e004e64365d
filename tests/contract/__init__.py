"""Tests against what nobody here wrote: schemas, parsers, charts."""
