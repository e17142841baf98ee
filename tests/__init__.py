"""Tests, flat: each docstring is one sentence of behaviour."""
