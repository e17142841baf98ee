"""The store: its layout, committing an edition, and the ledger of all runs.

It knows nothing of features, models or pages.
"""
