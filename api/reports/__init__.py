"""What finance people hand on: the journal for other books, and reports of spending."""
