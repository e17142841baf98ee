"""From columns to scaled features on the grid, and the exact arithmetic on them.

How many segments there are is found in segmentation/k/, and which is which in segmentation/identity/.
"""
