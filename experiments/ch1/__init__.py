"""Chapter 1, using neural nets to recognize handwritten digits: one file for each question."""
