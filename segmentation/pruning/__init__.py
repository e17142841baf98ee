"""Pruning: which editions a definition's retention keeps, and removing the others.

What the ledger remembers of pruned editions is in segmentation/store/catalogue/pruned.py.
"""
