"""Customers outside the segments: who is known, and who of them is new or lapsed.

The clause is in config/groups.py, the record of a night in schemas/known_customers.py.
"""
