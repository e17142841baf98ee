"""Who the segments are: profiles, names, rules, and customers drawn to be shown.

Their pictures and words are pages/'s.
"""
