"""How many segments there are: the evidence for each k, the rules that choose one, and other algorithms.

The report's section on the evidence is segmentation/report/sections/evidence.py.
"""
