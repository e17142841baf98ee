"""From good rows to one row per customer: rows of one key, uniqueness, sums of events, duplicates.

Judging a row by itself belongs in segmentation/rows/judging/.
"""
