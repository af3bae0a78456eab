"""Models of other libraries in, and models for other programs out."""
