"""What one measures of binary layers in training."""

from keras_groupnet.metrics.dead_channels import constant_channels
from keras_groupnet.metrics.flip_ratio import FlipRatio
from keras_groupnet.metrics.latent_statistics import (
    latent_histogram,
    mean_magnitude,
    near_zero_share,
    still_channels,
)

__all__ = [
    "FlipRatio",
    "constant_channels",
    "latent_histogram",
    "mean_magnitude",
    "near_zero_share",
    "still_channels",
]
