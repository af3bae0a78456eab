"""Binary weights: packed, compressed, written out."""
