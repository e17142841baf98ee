"""Words for segments: names, rules, and which figure of a feature is shown.

They are learnt with a model and kept in it. Tables and sections show them.
"""
