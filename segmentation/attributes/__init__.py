"""Second tables of a definition: columns of customers, joined by id, as they were on the date.

Reading and judging their rows is that of segmentation/rows/, with a definition made for it in side_tables.py.
"""
