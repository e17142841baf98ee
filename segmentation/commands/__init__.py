"""The commands that need more than a line, and what they share.

What they call is no command's: it is beside this folder.
"""
