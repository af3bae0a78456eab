"""Binary neural networks for Keras 3: train with `fit`, convert once, run in stock LiteRT."""

from keras_groupnet import layers, quantizers
from keras_groupnet.version import __version__

__all__ = ["__version__", "layers", "quantizers"]
