"""From files and tables to rows that are judged, and from events to one row per customer.

Finding the files is source.py's, turning columns into numbers features/'s.
"""
