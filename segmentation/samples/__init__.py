"""The samples that the project makes itself, as files that a run then reads.

No real data is kept here.
"""
