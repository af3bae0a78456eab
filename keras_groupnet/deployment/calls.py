"""Every call of every layer of a model, found by running the model once without numbers.

Whatever the model is (nested, with wrappers, subclassed, layers inside of layers), the shapes are
those that the layers really see, and a layer that is called four times has four calls.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.deployment.swap import attributes_replaced, computing_in_float32
from keras_groupnet.layers.quant_layer import QuantLayer

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, or of an operation of `keras.ops` in a functional model.

    Attributes:
        layer: the layer or operation.
        name: see `layer_tree`; that of an operation need not be its own.
        inputs: the tensors that it was given, in order; they are symbols, without values.
        outputs: the tensors that it gave.
        inner: what it called itself, in order.
        batch: samples in the run.
    """

    layer: Any
    name: str
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    inner: tuple[Call, ...]
    batch: int

    @property
    def input_shape(self) -> Shape:
        """Of the first input, with the batch.

        Raises:
            ValueError: it depends on values.
        """
        return self._shape(self.inputs)

    @property
    def output_shape(self) -> Shape:
        """Of the first output, with the batch.

        Raises:
            ValueError: it depends on values.
        """
        return self._shape(self.outputs)

    def _shape(self, tensors: Sequence[Any]) -> Shape:
        first, *rest = tensors[0].shape if tensors else (self.batch,)
        shape = (self.batch if first is None else int(first), *rest)
        if None in shape:
            raise ValueError(
                "The shapes must be known to count operations. Received: a shape that depends on "
                f"values, {shape}, of layer {self.name!r}"
            )
        return shape


def record_calls(
    model: keras.Model, input_shape: Sequence[Any] | None = None, opaque: Any = ()
) -> list[Call]:
    """Runs a model symbolically, as in inference.

    Args:
        model: any built model; it is not changed.
        input_shape: of the inputs, without the batch, if the model does not fix it; a list of
            shapes if there are several.
        opaque: layers inside of which nothing is recorded.

    Returns:
        The call of the model, in a list; what it calls is inside of it.

    Raises:
        ValueError: the model is not built, or a size is unknown.
        Exception: what the model itself raises.
    """
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(
            "Expected a Keras model that is built (call it once, or give it an Input). "
            f"Received: model={model!r}"
        )
    inputs, structure = _inputs(model, input_shape)
    recorder = _Recorder(inputs[0].shape[0])
    tree = {model: model.name} | layer_tree(model)
    hidden = {inner for layer in opaque for inner in layer_tree(layer)}
    operations = [(layer, name) for layer, name in tree.items() if layer not in hidden]
    operations += [
        (operation, operation.name)
        for owner in tree
        if owner not in hidden
        for operation in getattr(owner, "operations", ())
        if not isinstance(operation, keras.layers.Layer)
    ]
    replaced = [
        (operation, attribute, recorder.recording(operation, name, getattr(operation, attribute)))
        for operation, name in dict(operations).items()
        for attribute in ("call", "quantized_call")  # that of layers that Keras has quantized
        if hasattr(operation, attribute)
    ]
    run = _Run(lambda tensors: model(structure(tensors), training=False))
    with attributes_replaced(replaced), computing_in_float32(tree):
        try:
            run.compute_output_spec(*inputs)
        except Exception:
            # Keras' message is about layers without compute_output_shape; the cause helps.
            raise (run.error or ValueError(f"{model.name!r} cannot be run symbolically")) from None
    return recorder.calls


# The calls of layers of one input and one output, with no layers inside: `compute_output_shape`
# tells what they would, in a tenth of the time.
_SHAPES_KNOWN = (keras.layers.BatchNormalization.call, QuantLayer.call)


class _Recorder:
    """Writes down calls.

    Attributes:
        calls: those of the innermost open call.
    """

    def __init__(self, batch: int):
        self.calls: list[Call] = []
        self._batch = batch

    def recording(self, layer: Any, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        known = getattr(type(layer), "call", None) in _SHAPES_KNOWN
        quick = _shape_alone(layer) if known else None

        def call(*args: Any, **kwargs: Any) -> Any:
            outer, self.calls = self.calls, []
            try:
                outputs = quick(*args, **kwargs) if quick else own(*args, **kwargs)
                inner = tuple(self.calls)
            finally:
                self.calls = outer
            inputs = _tensors((args, kwargs))
            outer.append(Call(layer, name, inputs, _tensors(outputs), inner, self._batch))
            return outputs

        return call


def _shape_alone(layer: Any) -> Callable[..., Any]:
    """A `call` that gives a tensor of the right shape and type, and nothing else."""

    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        shape = layer.compute_output_shape(tuple(inputs.shape))
        one = keras.ops.max(inputs)  # a symbol, on every backend
        return keras.ops.broadcast_to(keras.ops.cast(one, layer.compute_dtype), shape)

    return call


class _Run(keras.Operation):
    """A function as an operation, for Keras to find the shapes of its results."""

    def __init__(self, function: Callable[[list[Any]], Any]):
        super().__init__()
        self.function = function
        self.error: Exception | None = None

    def call(self, *tensors: Any) -> Any:
        try:
            return self.function(list(tensors))
        except Exception as error:
            self.error = error
            raise


def _tensors(structure: Any) -> tuple[Any, ...]:
    return tuple(one for one in keras.tree.flatten(structure) if keras.ops.is_tensor(one))


def _inputs(
    model: keras.Model, input_shape: Sequence[Any] | None
) -> tuple[list[keras.KerasTensor], Callable[[list[Any]], Any]]:
    """The flat inputs, of known shapes, and what brings such inputs into the model's structure."""
    shapes = None if input_shape is None else _shapes(input_shape)
    if getattr(model, "inputs", None):
        own = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        flat = keras.tree.flatten(own)
        known = [tensor.shape for tensor in flat]
        types = [tensor.dtype for tensor in flat]
    elif shapes is not None:
        own, known, types = shapes, [(None, *shape) for shape in shapes], ["float32"] * len(shapes)
    else:
        raise ValueError(
            "The shapes must be known to count operations, and a subclassed model does not tell "
            "them: pass `input_shape=(height, width, channels)`, a list of shapes for several "
            f"inputs. Received: model={model.name!r}"
        )
    if shapes is not None and len(shapes) != len(known):
        raise ValueError(
            f"Expected {len(known)} shapes, one for each input. Received: input_shape={input_shape}"
        )
    batch = known[0][0] or 1
    tensors = []
    for number, (shape, dtype) in enumerate(zip(known, types, strict=True)):
        rest = shape[1:] if shapes is None else shapes[number]
        if None in rest:
            raise ValueError(
                "The shapes must be known to count operations: pass `input_shape=(height, width, "
                "channels)`, a list of shapes for several inputs. "
                f"Received: an input of shape {tuple(shape)}"
            )
        tensors.append(keras.KerasTensor((batch, *rest), dtype))
    if len(known) == 1 and not getattr(model, "inputs", None):
        return tensors, lambda given: given[0]
    return tensors, lambda given: keras.tree.pack_sequence_as(own, given)


def _shapes(input_shape: Sequence[Any]) -> list[Shape]:
    several = any(isinstance(one, (tuple, list)) for one in input_shape)
    return [tuple(one) for one in input_shape] if several else [tuple(input_shape)]


def positions(shape: Shape, channels_first: bool = False) -> int:
    """How many places of all samples a feature map has: the product of all sizes but channels."""
    return math.prod((shape[0], *shape[2:]) if channels_first else shape[:-1])
