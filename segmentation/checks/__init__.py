"""Checks as pure functions: each judges one fact of a night. The stage that runs them is tasks/check.py."""
