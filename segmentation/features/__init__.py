"""From columns to scaled features on the grid, and the exact arithmetic on them.

How many segments, and which, is for k/ and identity/.
"""
