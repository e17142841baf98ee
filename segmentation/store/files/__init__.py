"""Files and folders of a store, on disk and in a bucket: read, written whole or not at all, locked.

What a file means is not known here: editions are in edition/, the store's small files above.
"""
