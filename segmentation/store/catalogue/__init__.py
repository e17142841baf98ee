"""Which editions a store has: of a date, before it, by id, published or pruned. And which a run makes.

It reads the published tables, the ledger and live.json. Publishing is in publication/.
"""
