"""Proposing a definition for a table: what `resegment init` does.

Nightly runs never use this package. What a definition may contain is in config/.
"""
