"""Chapter 4, a visual proof that neural nets can compute any function: one file for each question."""
