"""Timing and memory of files, ours and the baselines, side by side."""
