"""A definition proposed for a table: what `resegment init` does.

A run knows nothing of it; what a definition may say is config/'s.
"""
