"""What networks are made of, before a method says how: blocks of layers."""

import collections
import copy
import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.structure.scope import Scope

_NUMBERED = re.compile(r"[A-Za-z_]+(\d+)")


@dataclasses.dataclass(frozen=True, init=False)
class BlockLayer:
    """One float layer of a block, which a batch norm follows: a Keras layer's class and config.

    The constructor makes a convolution, or a dense layer, as the zoo has them: padded to keep the
    size, without bias. `from_layer` takes any layer as it is, with all that its config says.

    Args:
        name: of the layer, such as `"conv1"`.
        filters: output channels or units.
        kernel_size: int or pair; 0 for a dense layer.
        strides: int or pair, of the convolution.
        pool_size: of the max pooling after the batch norm; 0 for none. Its stride is 2.
        pool_padding: `"same"` or `"valid"`.
        **options: further arguments of `keras.layers.Conv2D` or `keras.layers.Dense`, such as
            `padding`, `dilation_rate`, `groups` or `use_bias`.

    Attributes:
        layer_class: such as `keras.layers.Conv2D`.
        config: of the layer, but its name.
        number: what the names of the layers around it end in: `"1"` for `"conv1"`, whose batch norm
            is `"bn1"`. With None they begin with the layer's name: `"conv1_bn"`.

    Example:
    >>> BlockLayer("conv1", 64, (3, 5), padding="valid", use_bias=True).kernel_size
    (3, 5)
    """

    name: str
    layer_class: type[keras.layers.Layer]
    config: dict[str, Any]
    pool_size: int
    pool_padding: str
    number: str | None

    def __init__(
        self,
        name: str,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        pool_size: int = 0,
        pool_padding: str = "valid",
        **options: Any,
    ):
        options = {"use_bias": False} | options
        layer: keras.layers.Layer
        if kernel_size == 0:
            layer = keras.layers.Dense(filters, **options)
        else:
            options = {"padding": "same", "strides": strides} | options
            layer = keras.layers.Conv2D(filters, kernel_size, **options)
        config = layer.get_config()
        if "dtype" not in options:
            del config["dtype"]  # the policy in force when the model is built
        numbered = _NUMBERED.fullmatch(name)
        self._fill(name, layer, config, pool_size, pool_padding, numbered and numbered[1])

    @classmethod
    def from_layer(
        cls,
        layer: keras.layers.Layer,
        name: str | None = None,
        pool_size: int = 0,
        pool_padding: str = "valid",
    ) -> "BlockLayer":
        """Describes a Keras layer of any model: its class and config, not its weights.

        Args:
            layer: such as a `keras.layers.Conv2D`, `DepthwiseConv2D` or `Dense`, built or not.
            name: None for the layer's own name.
            pool_size: as in the constructor.
            pool_padding: as in the constructor.

        Returns:
            The description. Names of the layers around it begin with `name`, so that those of
            layers with different names differ.
        """
        block_layer = cls.__new__(cls)
        block_layer._fill(
            name or layer.name, layer, layer.get_config(), pool_size, pool_padding, None
        )
        return block_layer

    def _fill(self, name, layer, config, pool_size, pool_padding, number):
        # The dataclass is frozen: its attributes cannot be assigned.
        vars(self).update(
            name=name,
            layer_class=type(layer),
            config={key: value for key, value in config.items() if key != "name"},
            pool_size=pool_size,
            pool_padding=pool_padding,
            number=number,
        )

    def spelled_out(self) -> "BlockLayer":
        """A copy without `number`."""
        other = copy.copy(self)
        vars(other)["number"] = None
        return other

    def dilated(self, rate: int) -> "BlockLayer":
        """A copy whose kernel is dilated by that rate; of a 1x1 kernel or rate 1, the layer itself.

        Raises:
            ValueError: if the layer has strides.
        """
        if rate == 1 or not any(size > 1 for size in self.kernel_size):
            return self
        if any(stride > 1 for stride in self.config["strides"]):
            raise ValueError(
                "A convolution has strides or is dilated, not both. Received: dilation "
                f"{rate} for layer {self.name!r} with strides {tuple(self.config['strides'])}"
            )
        other = copy.copy(self)
        vars(other)["config"] = self.config | {"dilation_rate": (rate,) * len(self.kernel_size)}
        return other

    def part(self, kind: str) -> str:
        """The name of a layer around this one, such as `"bn1"` or `"conv_dw_bn"`."""
        return f"{self.name}_{kind}" if self.number is None else f"{kind}{self.number}"

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Of a convolution; empty for layers without one, such as `Dense`."""
        return tuple(self.config.get("kernel_size", ()))

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the layer and its pooling: how much smaller feature maps become, per axis."""
        strides = self.config.get("strides", ())
        return tuple(stride * 2 if self.pool_size else stride for stride in strides)

    @property
    def padded(self) -> bool:
        """Whether an axis of length n becomes one of length `ceil(n / stride)`, for all n."""
        same = self.config.get("padding", "same") == "same" or set(self.kernel_size) == {1}
        return same and (not self.pool_size or self.pool_padding == "same")

    def output_channels(self, input_channels: int) -> int:
        """How many channels or units come out."""
        shape = (None,) * (len(self.kernel_size) + 1) + (input_channels,)
        return self.layer_class.from_config(self.config).compute_output_shape(shape)[-1]

    def config_in(self, scope: Scope) -> dict[str, Any]:
        """The config of one copy of the layer: with the name and the seed of its place."""
        config = {**self.config, "name": scope.name(self.name)}
        for key in ("kernel_initializer", "depthwise_initializer"):
            initializer = config.get(key)
            if initializer is not None and "seed" in initializer["config"]:
                seeded = initializer["config"] | {"seed": scope.layer_seed(self.name)}
                config[key] = initializer | {"config": seeded}
        return config


@dataclasses.dataclass(frozen=True)
class Block:
    """Layers whose end feeds the next block; groups are made of whole blocks.

    Args:
        name: first part of the names of its layers, may be empty.
        layers: at least one.
        residual: whether a shortcut leads around the layers.
        shortcut: first part of the names of the shortcut's layers, behind that of the block.

    Raises:
        ValueError: if there is no layer, or if the shortcut of a residual block would not fit,
            because a layer or a pooling in it does not pad.
    """

    name: str
    layers: tuple[BlockLayer, ...]
    residual: bool = True
    shortcut: str = "shortcut"

    def __post_init__(self) -> None:
        """Checks the layers."""
        if not self.layers:
            raise ValueError(f"A block needs at least one layer. Received: layers={self.layers!r}")
        cut = [layer.name for layer in self.layers if not layer.padded]
        if self.residual and cut:
            raise ValueError(
                "The layers of a residual block must keep the size of feature maps or divide it by "
                "their strides: use padding='same', pool_padding='same' or residual=False. "
                f"Received: layers {cut} of block {self.name!r}, which do not pad"
            )

    @property
    def strides(self) -> tuple[int, ...]:
        """By how much the block shrinks feature maps, per axis; empty for dense layers."""
        return tuple(
            math.prod(axis) for axis in zip(*(layer.strides for layer in self.layers), strict=True)
        )

    def output_channels(self, input_channels: int) -> int:
        """How many channels or units come out of the last layer."""
        for layer in self.layers:
            input_channels = layer.output_channels(input_channels)
        return input_channels

    def keeps_shape(self, input_channels: int) -> bool:
        """Whether the shortcut can carry the input of the block as it is."""
        same_size = all(stride == 1 for stride in self.strides)
        return same_size and self.output_channels(input_channels) == input_channels

    def dilated(self, rate: int) -> "Block":
        """The block with kernels that are dilated by that rate.

        Raises:
            ValueError: if one of its layers has strides and a kernel to be dilated.
        """
        return dataclasses.replace(self, layers=tuple(layer.dilated(rate) for layer in self.layers))

    def projection(self, input_channels: int, strides: tuple[int, ...]) -> BlockLayer:
        """The 1x1 convolution (or dense layer) of a shortcut where the shape changes."""
        channels = self.output_channels(input_channels)
        if not self.strides:
            return BlockLayer(f"{self.shortcut}_fc", channels, 0)
        return BlockLayer(f"{self.shortcut}_conv", channels, 1, strides)


def distinct(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with names for the layers around theirs that differ.

    `"conv1"` and `"dw1"` would both have a `"bn1"`; such layers are `spelled_out`: `"conv1_bn"`.
    Shortcuts of blocks of one name are named after the first layer of the block.
    """
    residual = collections.Counter(block.name for block in blocks if block.residual)
    counts = collections.Counter(
        (block.name, layer.number) for block in blocks for layer in block.layers
    )

    def renamed(block: Block, layer: BlockLayer) -> BlockLayer:
        return layer.spelled_out() if counts[block.name, layer.number] > 1 else layer

    return [
        dataclasses.replace(
            block,
            layers=tuple(renamed(block, layer) for layer in block.layers),
            shortcut=f"{block.layers[0].name}_{block.shortcut}"
            if residual[block.name] > 1
            else block.shortcut,
        )
        for block in blocks
    ]


def batch_norm(x: Any, name: str) -> Any:
    """The batch norm of all our models: ImageNet's usual constants instead of Keras'."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def max_pool(x: Any, layer: BlockLayer, scope: Scope) -> Any:
    """The pooling behind the layer, if it has one."""
    if not layer.pool_size:
        return x
    name = scope.name(layer.part("pool"))
    return keras.layers.MaxPooling2D(layer.pool_size, 2, layer.pool_padding, name=name)(x)


def float_layer(layer: BlockLayer, scope: Scope) -> keras.layers.Layer:
    """A new layer as the block says, with float weights."""
    return layer.layer_class.from_config(layer.config_in(scope))
