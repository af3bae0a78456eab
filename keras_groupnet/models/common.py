"""What the models of the zoo share: their arguments and their ends."""

import dataclasses
import enum
import os
from collections.abc import Sequence
from typing import Any, Final

import keras

from keras_groupnet import methods
from keras_groupnet.methods import FullPrecision, GroupNet, Method
from keras_groupnet.structure.blocks import batch_norm
from keras_groupnet.structure.scope import Scope

STEMS = ("imagenet", "cifar")


class Unset(enum.Enum):
    """The default of arguments whose None means something."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def resolve_method(
    method: str | Method | None,
    bases: int | None | Unset,
    activation_bits: int | Unset,
    group_options: dict[str, Any],
) -> Method:
    """The method that a model's arguments ask for.

    Args:
        method: anything `methods.get` takes; None for what the other arguments say.
        bases: of Group-Net; None for the full-precision parent, which ignores the others.
        activation_bits: of Group-Net.
        group_options: further options of `methods.GroupNet`.

    Raises:
        ValueError: for a method together with arguments of Group-Net.
        TypeError: for options that Group-Net does not have.
    """
    given = {"bases": bases, "activation_bits": activation_bits, **group_options}
    given = {name: value for name, value in given.items() if value is not UNSET}
    unknown = sorted(set(given) - {field.name for field in dataclasses.fields(GroupNet)})
    if unknown:
        raise TypeError(f"No model has the argument {unknown[0]!r}. Received: {group_options!r}")
    if method is not None:
        if given:
            raise ValueError(
                "`method` goes without the arguments of Group-Net; pass "
                "methods.GroupNet(...) with these instead. "
                f"Received: method={method!r} and {given!r}"
            )
        return methods.get(method)
    return FullPrecision() if given.get("bases", 5) is None else GroupNet(**given)


def check_model_arguments(input_shape: Sequence[int | None], classes: int, stem: str) -> None:
    """Raises ValueError unless a model can have these."""
    height, width, channels = input_shape if len(input_shape) == 3 else (None, None, None)
    if channels is None:
        raise ValueError(
            "`input_shape` must be (height, width, channels), where only height and width may be "
            f"None. Received: input_shape={input_shape!r}"
        )
    if height in (1, 3) and (width or 0) > 4 and channels > 4:
        raise ValueError(
            "`input_shape` must be (height, width, channels), with the channels last. Received: "
            f"input_shape={tuple(input_shape)!r}, which looks like (channels, height, width): "
            f"transpose the images and pass {(width, channels, height)}"
        )
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise ValueError(f"`classes` must be a positive int. Received: classes={classes!r}")
    if stem not in STEMS:
        raise ValueError(f"`stem` must be one of {STEMS}. Received: stem={stem!r}")


def first_layer(
    x: Any, method: Method, seed: int, names: tuple[str, str, str], **geometry: Any
) -> Any:
    """The float convolution, its batch norm, and the method's activation behind it, if any.

    Args:
        x: the images.
        method: of the blocks that follow.
        seed: of the initial kernel.
        names: of the convolution, the batch norm and the ReLU.
        **geometry: `filters`, `kernel_size`, `strides` and `padding` of `keras.layers.Conv2D`.
    """
    convolution, norm, relu = names
    x = keras.layers.Conv2D(
        **geometry,
        use_bias=False,
        kernel_initializer=Scope(seed).initializer(convolution),
        name=convolution,
    )(x)
    x = batch_norm(x, norm)
    activation = method.stem_activation(relu)
    return x if activation is None else activation(x)


def activate(x: Any, method: Method, name: str) -> Any:
    """Batch norm and ReLU in front of a classifier, where the method has not put them there."""
    if method.post_activation:
        return x
    return keras.layers.ReLU(name=f"{name}_relu")(batch_norm(x, f"{name}_bn"))


def classifier(x: Any, classes: int, activation: str | None, seed: int, name: str) -> Any:
    """The float dense layer at the end; the activation is float32 also in mixed precision."""
    x = keras.layers.Dense(classes, kernel_initializer=Scope(seed).initializer(name), name=name)(x)
    return keras.layers.Activation(activation, dtype="float32", name="predictions")(x)


def check_size(input_shape: Sequence[int | None], stem: str, least: int) -> None:
    """Raises ValueError if images are so small that nothing would be left of them.

    Args:
        input_shape: `(height, width, channels)`.
        stem: `"imagenet"`, which divides height and width by 4, or `"cifar"`.
        least: height and width behind the stem.
    """
    smallest = least if stem == "cifar" else 4 * least
    if any(size is not None and size < smallest for size in input_shape[:2]):
        raise ValueError(
            f"`input_shape` must be at least ({smallest}, {smallest}, channels) with "
            f"stem={stem!r}. Received: input_shape={tuple(input_shape)!r}"
        )


def finish(
    inputs: Any,
    x: Any,
    classes: int,
    classifier_activation: str | None,
    seed: int,
    name: str,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
) -> keras.Model:
    """The model with its end: mean over all positions, dense layer, activation.

    Args:
        inputs: the images.
        x: the last feature map.
        classes: number of outputs.
        classifier_activation: of the outputs.
        seed: of the dense layer.
        name: of the model.
        include_top: False for a model that ends in the feature map.
        weights: a file of `save_weights` of such a model; None for initial weights.

    Raises:
        ValueError: if there is no such file.
    """
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="average_pool")(x)
        x = classifier(x, classes, classifier_activation, seed, "fc")
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        if not os.path.isfile(weights):
            raise ValueError(
                "`weights` must be None or the path of a file that `save_weights` wrote; no "
                f"trained weights come with the package. Received: weights={os.fspath(weights)!r}"
            )
        model.load_weights(weights)
    return model
