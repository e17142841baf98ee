"""Damage to a store: audit.py finds it, repairing.py repairs what the rest of the store can rebuild.

Reading a file as it was written belongs to the file's own module.
"""
