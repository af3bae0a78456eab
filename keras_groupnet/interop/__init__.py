"""Models of other libraries in, and models for other programs out."""

from keras_groupnet.interop.keras_quantized import dequantized
from keras_groupnet.interop.tf_keras import from_tf_keras

# The names under which users of Larq and of tensorflow-model-optimization look for it.
from_larq = from_tfmot = from_tf_keras

__all__ = ["dequantized", "from_larq", "from_tf_keras", "from_tfmot"]
