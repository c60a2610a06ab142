"""Chapter 3, improving the way neural networks learn: one file for each question."""
