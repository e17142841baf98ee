"""From a source to one row per customer: reading, casting, judging and summarising rows.

Locating source files belongs in segmentation/sources/listing.py, turning columns into numbers in
segmentation/features.
"""
