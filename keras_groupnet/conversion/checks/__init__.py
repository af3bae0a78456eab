"""Whether a file computes what a model computes."""
