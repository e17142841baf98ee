"""Sections of the page: each module makes the view of one, or a figure in it, from a ReportContext.

Nothing here reads a file or passes over customers. Markup is in templates/sections/.
"""
