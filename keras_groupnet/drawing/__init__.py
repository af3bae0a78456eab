"""Drawings of networks: what there is to draw, where it goes, and the picture."""
