"""Campaign lists: members of segments, less a holdout. `resegment export` is in resegment/export.py.

Lists are files outside the store. Nothing here changes an edition.
"""
