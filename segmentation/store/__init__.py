"""The store: where things lie, how an edition is committed, what has happened.

It knows no features, no model and no page.
"""
