"""Outcomes: what became known about an edition's customers later, and what its segments say about it.

The clause of the definition is config/outcome.py. Stored results are read in
segmentation/store/validations.py.
"""
