"""Runs in progress and what they leave behind: stage files, rows of dead runs, the space they need.

What a run does is in tasks/. Its row is written in ledger.py.
"""
