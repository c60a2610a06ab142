"""Chapter 2, how the backpropagation algorithm works: one file for each question."""
