"""The store: its layout, its small files, and the editions in it.

It knows nothing of features, models or pages. Modules here are the layout (layout.py, places.py, dates.py),
the ledger and what it records (superseded.py, erasures.py, earlier_ids.py), and one for each small file:
pointer.py (live.json), issued_ids.py, names_file.py, tombstones.py, typed_inputs.py. Packages, each built on
those before it: files, edition, (the modules here), catalogue, runs and publication, repair.
"""
