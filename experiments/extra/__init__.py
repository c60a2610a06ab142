"""Questions that belong to no chapter of the book."""
