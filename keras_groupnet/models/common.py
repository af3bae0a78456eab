"""What the models of the zoo share: their ends and their full-precision parents."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.blocks import Block, BlockLayer, batch_norm, initializer

STEMS = ("imagenet", "cifar")


def check_model_arguments(input_shape: Sequence[int | None], classes: int, stem: str) -> None:
    """Raises ValueError unless a model can have these."""
    if len(input_shape) != 3 or input_shape[2] is None:
        raise ValueError(
            "`input_shape` must be (height, width, channels), where only height and width may be "
            f"None. Received: input_shape={input_shape!r}"
        )
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise ValueError(f"`classes` must be a positive int. Received: classes={classes!r}")
    if stem not in STEMS:
        raise ValueError(f"`stem` must be one of {STEMS}. Received: stem={stem!r}")


def conv(
    x: Any, filters: int, kernel_size: int, strides: int, padding: str, seed: int, name: str
) -> Any:
    """A real convolution without bias."""
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=initializer(seed, name),
        name=name,
    )(x)


def classifier(x: Any, classes: int, activation: str | None, seed: int, name: str) -> Any:
    """The real dense layer at the end; the activation is float32 also in mixed precision."""
    x = keras.layers.Dense(classes, kernel_initializer=initializer(seed, name), name=name)(x)
    return keras.layers.Activation(activation, dtype="float32", name="predictions")(x)


def full_precision_block(x: Any, block: Block, seed: int) -> Any:
    """The block that the bases replace: layer -> BN -> ReLU, ReLU after the residual sum."""
    shortcut = x
    for layer in block.layers:
        x = _layer(x, layer, seed, block.layer_name(layer.name))
        x = batch_norm(x, block.layer_name(layer.part("bn")))
        if block.residual and layer is block.layers[-1]:
            if block.strides > 1 or shortcut.shape[-1] != block.filters:
                name = block.layer_name("shortcut_conv")
                shortcut = conv(shortcut, block.filters, 1, block.strides, "same", seed, name)
                shortcut = batch_norm(shortcut, block.layer_name("shortcut_bn"))
            x = keras.layers.Add(name=block.layer_name(layer.part("add")))([x, shortcut])
        x = keras.layers.ReLU(name=block.layer_name(layer.part("relu")))(x)
        if layer.pool_size:
            name = block.layer_name(layer.part("pool"))
            x = keras.layers.MaxPooling2D(layer.pool_size, 2, layer.pool_padding, name=name)(x)
    return x


def _layer(x: Any, layer: BlockLayer, seed: int, name: str) -> Any:
    if layer.kernel_size:
        return conv(x, layer.filters, layer.kernel_size, layer.strides, "same", seed, name)
    return keras.layers.Dense(
        layer.filters, use_bias=False, kernel_initializer=initializer(seed, name), name=name
    )(x)
