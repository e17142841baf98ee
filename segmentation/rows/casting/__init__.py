"""Casting columns from text, or from a file's types, to the types that a contract declares.

Reading belongs in segmentation/rows/reading/, refusing rows in segmentation/rows/judging/.
"""
