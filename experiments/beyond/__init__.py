"""Beyond the book: how far its kinds of networks go with today's means. Questions that belong to no chapter."""
