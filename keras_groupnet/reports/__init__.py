"""One page about a model or a file: drawing, tables, measured times, sizes, weights."""
