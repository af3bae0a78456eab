"""Optimizers of binary networks, with Larq's names."""

from keras_groupnet.optimizers.bop import Bop, is_binary_variable
from keras_groupnet.optimizers.case_optimizer import CaseOptimizer

__all__ = ["Bop", "CaseOptimizer", "is_binary_variable"]
