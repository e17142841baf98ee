"""Prefect flows, each a table of contents. Work belongs in tasks/."""
