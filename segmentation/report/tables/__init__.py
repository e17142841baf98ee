"""The report's tables: the rows of an edition's small Parquet files, computed over all customers.

Sections of the page show them.
"""
