"""How many segments there are: the evidence, and other algorithms beside k-means.

How the evidence is shown is pages/'s.
"""
