"""Segments from night to night: which is which, what people call them, who moved, and when to refit.

The ids issued so far are kept in the store, see segmentation/store/issued_ids.py.
"""
