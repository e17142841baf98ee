"""Two divisions of the same customers: who is in which segment of either, counted and compared."""
