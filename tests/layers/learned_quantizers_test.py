"""Quantizers with variables inside of layers."""

import numpy as np

from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D
from keras_groupnet.quantizers import ActivationBases, SubgroupSign, WeightBases
from tests.tensors import array

QUANTIZERS = {
    "subgroups": lambda: {"kernel_quantizer": SubgroupSign()},
    "bases": lambda: {
        "input_quantizer": ActivationBases(2),
        "kernel_quantizer": WeightBases(2),
    },
}
LAYERS = {
    "conv": lambda **options: QuantConv2D(4, 3, **options),
    "depthwise": lambda **options: QuantDepthwiseConv2D(3, **options),
    "dense": lambda **options: QuantDense(4, **options),
}


def test_layers_of_one_config_have_variables_of_their_own():
    layer = QuantDense(4, kernel_quantizer=SubgroupSign(), kernel_initializer="ones")
    layer.build((None, 3))
    layer.kernel_quantizer.scales.assign([[5.0]])
    copy = QuantDense.from_config(layer.get_config())
    copy.build((None, 3))
    # Fitted to its own kernel, which is drawn anew.
    np.testing.assert_allclose(array(copy.kernel_quantizer.scales), [[1.0]])
