"""What people look at: the report, the index, their pictures, and the server that shows them.

What is told is computed elsewhere.
"""
