"""Erasing customers: their rows leave every file of a store, and later nights leave them out.

It runs in the command's process and needs no Prefect server.
"""
