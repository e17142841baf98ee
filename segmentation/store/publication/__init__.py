"""Publishing an edition: its tables, the commit on disk or in a bucket, and what to check before it.

The order of these steps is in tasks/publish.py. Promoting is in segmentation/promoting.py.
"""
