"""Segments from night to night: which is which, what people call them, who moved, when to refit.

The ids that have been given are the store's.
"""
