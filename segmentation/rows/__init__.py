"""Reading and judging rows, and reducing them to one row per customer.

Locating source files belongs in segmentation/sources/listing.py, turning columns into numbers in
segmentation/features.
"""
