"""Judging rows: which are used, which go to quarantine, and which were delivered twice.

Rules that need all rows of a customer, a key or the table belong in segmentation/rows/summarising/.
"""
