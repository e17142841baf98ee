"""Reading a source: files of each format, databases and Delta tables, as batches of rows before casting.

Which files a date reads is decided in segmentation/sources/, what values mean in segmentation/rows/casting/.
"""
