"""Reports over http, with sign-in, and pictures of them.

The pages themselves are files of an edition; they are rendered in report_page.py.
"""
