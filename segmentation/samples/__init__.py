"""The sample data sets that the project generates, written as files that a run then reads.

No real data is kept here.
"""
