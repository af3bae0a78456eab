"""PCNN's progressive optimisation: a ternary net first, the binary one from its kernels."""

import keras

from keras_groupnet.deployment.layer_tree import leaf_layers
from keras_groupnet.layers import ProjectionConv2D


def binary_from_ternary(ternary: keras.Model) -> keras.Model:
    """Returns the binary net that starts where the ternary one ended.

    All weights are copied but the projections, which are drawn anew.

    Example:
        ternary.fit(images, labels, callbacks=recipe.callbacks)
        binary = binary_from_ternary(ternary)
        binary.compile(...)

    Args:
        ternary: functional or Sequential, with `ProjectionConv2D(levels=3)` layers.

    Raises:
        ValueError: if it has none.

    References:
        Gu et al., Projection Convolutional Neural Networks, arXiv 1811.12755 (Algorithm 3 of the
        book chapter).
    """

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, ProjectionConv2D):
            config["levels"] = 2
        return type(layer).from_config(config)

    if not any(isinstance(x, ProjectionConv2D) and x.levels == 3 for x in leaf_layers(ternary)):
        raise ValueError(
            f"The model has no ProjectionConv2D(levels=3) layer. Received: ternary={ternary.name!r}"
        )
    binary = keras.models.clone_model(ternary, clone_function=clone, recursive=True)
    for source, target in zip(leaf_layers(ternary), leaf_layers(binary), strict=True):
        if isinstance(target, ProjectionConv2D):
            target.kernel.assign(keras.ops.convert_to_numpy(source.kernel))
        else:
            target.set_weights(source.get_weights())
    return binary
