"""Second tables of a definition: columns of customers, joined by id, as they were on the date.

Their rows are read and judged by segmentation/rows/, with a definition that side_tables.py derives.
"""
