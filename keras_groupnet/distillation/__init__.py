"""Losses with which binary networks learn from a trained teacher, and a `Distiller` for them."""

from keras_groupnet.distillation.attention_matching import AttentionMatching
from keras_groupnet.distillation.distiller import Distiller
from keras_groupnet.distillation.distribution_loss import DistributionLoss
from keras_groupnet.distillation.feature_loss import FeatureLoss
from keras_groupnet.distillation.feature_regularizer import FeatureRegularizer
from keras_groupnet.distillation.layer_pairs import layer_pairs

__all__ = [
    "AttentionMatching",
    "Distiller",
    "DistributionLoss",
    "FeatureLoss",
    "FeatureRegularizer",
    "layer_pairs",
]
