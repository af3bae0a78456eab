"""What networks are made of, before a method says how: blocks of layers."""

import dataclasses
import math
import zlib
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class BlockLayer:
    """One convolution or dense layer of a block, followed by a batch norm.

    Attributes:
        name: of the layer, ending in its number, such as `"conv1"` (its batch norm is `"bn1"`).
        filters: output channels or units.
        kernel_size: 0 for a dense layer.
        strides: of the convolution.
        pool_size: of the max pooling after the batch norm; 0 for none. Its stride is 2.
        pool_padding: `"same"` or `"valid"`.
    """

    name: str
    filters: int
    kernel_size: int
    strides: int = 1
    pool_size: int = 0
    pool_padding: str = "valid"

    def part(self, kind: str) -> str:
        """The name of a layer that belongs to this one, such as `"bn1"`."""
        return kind + self.name.lstrip("abcdefghijklmnopqrstuvwxyz_")


@dataclasses.dataclass(frozen=True)
class Block:
    """Layers whose end feeds the next block; groups are made of whole blocks.

    Attributes:
        name: first part of the names of its layers, may be empty.
        layers: at least one.
        residual: whether a shortcut leads around the layers.
    """

    name: str
    layers: tuple[BlockLayer, ...]
    residual: bool = True

    @property
    def filters(self) -> int:
        """Output channels."""
        return self.layers[-1].filters

    @property
    def strides(self) -> int:
        """By how much the block shrinks the map."""
        return math.prod(layer.strides for layer in self.layers)

    def layer_name(self, part: str, base: int | None = None) -> str:
        """`stage1_block2_conv1`, or `stage1_block2_base3_conv1` in base 3."""
        middle = None if base is None else f"base{base}"
        return "_".join(word for word in (self.name, middle, part) if word)


def initializer(seed: int, name: str) -> keras.initializers.Initializer:
    """Glorot's uniform distribution, seeded by `seed` and the name of the layer."""
    return keras.initializers.GlorotUniform(seed=zlib.crc32(f"{seed}/{name}".encode()) >> 1)


def batch_norm(x: Any, name: str) -> Any:
    """The batch norm of all our models: ImageNet's usual constants instead of Keras'."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def max_pool(x: Any, layer: BlockLayer, name: str) -> Any:
    """The pooling behind the layer, if it has one."""
    if not layer.pool_size:
        return x
    return keras.layers.MaxPooling2D(layer.pool_size, 2, layer.pool_padding, name=name)(x)


def real_layer(layer: BlockLayer, seed: int, name: str) -> keras.layers.Layer:
    """A real convolution, padded to keep the size, or dense layer; no bias."""
    options = {
        "use_bias": False,
        "kernel_initializer": initializer(seed, name),
        "name": name,
    }
    if layer.kernel_size:
        return keras.layers.Conv2D(
            layer.filters, layer.kernel_size, layer.strides, padding="same", **options
        )
    return keras.layers.Dense(layer.filters, **options)
