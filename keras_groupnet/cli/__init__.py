"""The commands of `groupnet`.

Each module has `USAGE`, `define_flags(values)` and `main(values, positional)`. They are imported
one at a time, and what is slow to import only in `main`.
"""
