"""The experiments of the book, one file a question: ``python -m experiments`` lists them."""
