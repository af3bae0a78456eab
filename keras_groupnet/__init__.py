"""Binary neural networks for Keras 3: train with `fit`, convert once, run in stock LiteRT."""

from keras_groupnet import layers, models, quantizers
from keras_groupnet.groups import Block, BlockLayer, GroupSpec, build_groups, partition_blocks
from keras_groupnet.version import __version__

__all__ = [
    "Block",
    "BlockLayer",
    "GroupSpec",
    "__version__",
    "build_groups",
    "layers",
    "models",
    "partition_blocks",
    "quantizers",
]
