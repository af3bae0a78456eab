"""The commands of `groupnet`, one module each.

A module has `USAGE`, `define_flags(values)` and `main(values, positional)`, which returns the exit
code if it is not 0. They are imported one at a time, and what is slow to import only in `main`,
when the arguments have been checked.
"""
