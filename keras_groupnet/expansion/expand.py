"""`expand`: any functional or Sequential Keras model as a low-bit network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from keras_groupnet import methods
from keras_groupnet.expansion.groups import Partition
from keras_groupnet.expansion.keep import Keep
from keras_groupnet.expansion.plan import ExpansionPlan, plan
from keras_groupnet.methods import GroupNet, Method
from keras_groupnet.structure.groups import GroupStyle

KEEP: tuple[Keep, ...] = (
    "first",
    "last",
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)
# Options of Group-Net that say how blocks are wired: here the parent says that.
_OF_THE_PARENT = ("dilations", "gates", "shortcut", "skip", "wiring")


def expand(
    model: keras.Model,
    bases: int | Sequence[int] | None = None,
    activation_bits: int | Sequence[int] | None = None,
    partition: Partition = "auto",
    *,
    weight_bits: int | None = None,
    keep: Keep | Iterable[Keep] = KEEP,
    method: str | Method | None = None,
    seed: int = 0,
    noise: float = 0.5,
    name: str | None = None,
    print_fn: Callable[[str], Any] | None = print,
    **group_options: Any,
) -> keras.Model:
    """Makes a low-bit network of any functional or Sequential Keras model, with its weights.

    The model's blocks are found, parts of its graph with a single entry and a single exit: residual
    and dense blocks, Inception modules, and in plain chains single layers with their batch norms
    (a depthwise convolution and the layer behind it are one block). Blocks form groups, and
    each group T becomes K copies of it with low-bit layers,

        F(x) = sum_{i=1..K} lambda_i T_i(x),   lambda_i = 1 / K at the start.

    Inside, everything is as in the parent, but around layers that become low-bit:

    - An activation in front of one is left out, the quantizer being the non-linearity there, and
      what is quantized is normalized first, by a new batch norm if the parent has no normalization
      there. (With `activation_bits=32` nothing is quantized and the parent's activation stays.)
    - Behind it stands a batch norm, the parent's or a new one, that takes the layer's bias.
    - A separable convolution is a depthwise and a 1x1 convolution, a dense layer of sequences or
      feature maps a 1x1 convolution, a convolution along time one of width 1.
    - Moving statistics behind it start as for inputs that are standard normal.

    Low-bit versions exist of `Conv1D`, `Conv2D`, `Conv2DTranspose`, `DepthwiseConv1D`,
    `DepthwiseConv2D`, `SeparableConv2D` and `Dense`, and of
    classes added to `structure.low_bit.LOW_BIT_LAYERS`. Others stay float, as do attention branches
    (squeeze and excitation) and layers that are called several times. A nested model is opened; one
    that is called several times, like the towers of a Siamese network, is expanded once and called
    as often. The table that is printed says what becomes of each layer and why.

    With `bases=1, weight_bits=32, activation_bits=32` the outputs are those of the model up to
    rounding.

    Args:
        model: functional or Sequential, built. It is not changed.
        bases: K of Group-Net, 5 by default; a sequence where groups differ.
        activation_bits: of Group-Net: 1 (the default), 2, 4 or 32; a sequence where groups differ.
        partition: of the blocks into groups. `"auto"`: as the method says, for Group-Net `"v1"`,
            each block by itself; `"v2"` two, `"v3"` all that follow one another; `"layerwise"` each
            layer a sum of K by itself; block counts of all groups in order; or a function that is
            given the blocks (`plan_expansion(...).blocks`) and returns one of these.
        weight_bits: of Group-Net: 1 (the default) or 32.
        keep: what stays float: any of `"first"` and `"last"` (layers with kernels that none comes
            before or after), names of layers, with `*` and `?`, classes of layers, functions of a
            layer; or a list of such. `()` keeps none. Depthwise convolutions are kept because they
            sum nine products or so: binary ones lose much, and take longer than float ones.
        method: one of `methods.names()` or a `methods.Method`, instead of all arguments of
            Group-Net. Only the quantizers and layers are the method's, its wiring is the parent's.
        seed: of the noise, and of weights that the parent does not have.
        noise: of the kernels of each base, as in `transfer_weights`; a single base gets none.
        name: of the network; None for that of the model.
        print_fn: gets the table; None for no output.
        **group_options: further options of `methods.GroupNet`, such as `activation_scale`.

    Returns:
        A functional model with the inputs and outputs of the given one. Layers have the names that
        they have there, behind `base1_`, `base2_`, ... in bases; the sum of a group has the name of
        the layer at the group's end.

    Raises:
        ValueError: if the model is no graph of layers, if no layer can become low-bit, if a layer
            cannot be copied, or for impossible arguments; the message says what to do.
        TypeError: for options that Group-Net does not have.

    Example:
    >>> parent = keras.applications.ResNet50(weights="imagenet")
    >>> net = kgn.expand(parent, bases=5, activation_bits=1)
    >>> net.compile("adam", "sparse_categorical_crossentropy")

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, sections 3.2 to 3.4, Eq. 3, 5 and 6.
    """
    result = plan_expansion(
        model,
        bases,
        activation_bits,
        partition,
        weight_bits=weight_bits,
        keep=keep,
        method=method,
        **group_options,
    )
    if print_fn is not None:
        print_fn(str(result.table))
    return result.build(seed, noise, name)


def plan_expansion(
    model: keras.Model,
    bases: int | Sequence[int] | None = None,
    activation_bits: int | Sequence[int] | None = None,
    partition: Partition = "auto",
    *,
    weight_bits: int | None = None,
    keep: Keep | Iterable[Keep] = KEEP,
    method: str | Method | None = None,
    **group_options: Any,
) -> ExpansionPlan:
    """What `expand` would do, without doing it; arguments and errors as there.

    Returns:
        The plan: `table` tells what becomes of each layer (`table.binary_share`: how much of the
        multiply-accumulates), `blocks` and `groups` what was found, `build()` makes the network.

    Example:
    >>> plan = kgn.plan_expansion(keras.applications.MobileNetV2(weights=None), bases=2)
    >>> print(plan.table)
    >>> net = plan.build()
    """
    given = {"bases": bases, "activation_bits": activation_bits, "weight_bits": weight_bits}
    given = {key: value for key, value in given.items() if value is not None} | group_options
    chosen = _method(method, given)
    if partition == "auto":
        partition = chosen.partition if isinstance(chosen, GroupStyle) else "v1"
    elif not isinstance(chosen, GroupStyle):
        raise ValueError(
            f"Method {chosen.name!r} has no groups. Leave `partition` out. "
            f"Received: partition={partition!r}"
        )
    return plan(model, chosen, partition, keep)


def _method(method: str | Method | None, given: dict[str, Any]) -> Method:
    if method is not None:
        if given:
            raise ValueError(
                "`method` goes without the arguments of Group-Net; pass methods.GroupNet(...) with "
                f"these instead. Received: method={method!r} and {given!r}"
            )
        chosen = methods.get(method)
        if isinstance(chosen, GroupNet) and (chosen.gates or chosen.dilations):
            raise ValueError(
                "The wiring is that of the model; leave `gates` and `dilations` out. "
                f"Received: method={chosen!r}"
            )
        return chosen
    known = {field.name for field in dataclasses.fields(GroupNet)}
    for option in given:
        if option in _OF_THE_PARENT:
            raise ValueError(
                f"The wiring is that of the model; leave `{option}` out. "
                f"Received: {option}={given[option]!r}"
            )
        if option not in known:
            raise TypeError(f"`expand` has no argument {option!r}. Received: {given!r}")
    return GroupNet(**given)
