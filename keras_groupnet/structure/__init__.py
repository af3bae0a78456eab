"""What networks are made of: blocks, their wiring, groups of bases, transfer of weights."""
