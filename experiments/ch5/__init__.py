"""Chapter 5, why deep neural networks are hard to train: one file for each question."""
