"""The book's algorithms in plain NumPy, written from its equations: what the library's results are held against."""
