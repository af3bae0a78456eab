"""What a model and its file are compared on: checked inputs, or typical ones."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_groupnet.conversion.export.tracing import model_structure
from keras_groupnet.deployment.layer_tree import layer_tree

_FEW_VALUES = 4096  # inputs below this size are cheap: take more samples of them
_OPEN_LENGTH = 64


def checked_inputs(model: keras.Model, inputs: Any, batch_size: int | None) -> list[np.ndarray]:
    """The inputs of a model as a list of arrays of its dtypes, in the model's order.

    Args:
        model: functional or Sequential.
        inputs: as `model.predict` takes them: an array, or a list or dict of arrays; None for
            typical ones: pictures for uint8 and for inputs that the model rescales, small whole
            numbers for other integers, else standard normal numbers.
        batch_size: of the file; None if it is dynamic.

    Raises:
        ValueError: structure, shape or type does not fit.
    """
    structure = model_structure(model)
    tensors = keras.tree.flatten(structure)
    if inputs is None:
        return _typical(model, tensors, batch_size)
    arrays = _in_order(structure, inputs)
    for tensor, array in zip(tensors, arrays, strict=True):
        expected = tuple(tensor.shape[1:])
        fits = array.ndim == len(expected) + 1 and all(
            n in (None, m) for n, m in zip(expected, array.shape[1:], strict=True)
        )
        if not fits or len(array) == 0:
            raise ValueError(
                f"Expected input {tensor.name!r} of shape {('N', *expected)}. "
                f"Received: shape {array.shape}"
            )
        if batch_size is not None and len(array) % batch_size:
            raise ValueError(
                f"Expected a multiple of batch_size={batch_size} samples. "
                f"Received: {len(array)} of input {tensor.name!r}"
            )
    if len({len(array) for array in arrays}) > 1:
        raise ValueError(
            f"Expected as many samples of each input. Received: {[len(array) for array in arrays]}"
        )
    return [
        _as_type(array, tensor.dtype, tensor.name)
        for tensor, array in zip(tensors, arrays, strict=True)
    ]


def structured(model: keras.Model, arrays: list[np.ndarray]) -> Any:
    """The arrays as the model takes them."""
    return keras.tree.pack_sequence_as(model_structure(model), arrays)


def _in_order(structure: Any, inputs: Any) -> list[np.ndarray]:
    tensors = keras.tree.flatten(structure)
    names = [tensor.name for tensor in tensors]
    if isinstance(inputs, dict):
        keys = sorted(structure) if isinstance(structure, dict) else names
        if set(inputs) != set(keys):
            raise ValueError(f"Expected inputs {sorted(keys)}. Received: {sorted(inputs)}")
        flat = [inputs[key] for key in keys]
    elif isinstance(inputs, (list, tuple)) and not (len(tensors) == 1 and len(inputs) != 1):
        flat = keras.tree.flatten(list(inputs))
    else:
        flat = [inputs]
    if len(flat) != len(tensors):
        raise ValueError(
            f"Expected {len(tensors)} input(s): {', '.join(names)}. Received: {len(flat)}; pass "
            "a list in this order or a dict"
        )
    return [np.asarray(one) for one in flat]


def _as_type(array: np.ndarray, dtype: str, name: str) -> np.ndarray:
    wanted = np.dtype(dtype if dtype != "bfloat16" else "float32")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"Expected numbers for input {name!r}. Received: dtype {array.dtype}")
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if array.size and (array.min() < limits.min or array.max() > limits.max):
            raise ValueError(
                f"Expected values of {dtype} for input {name!r}. Received: values from "
                f"{array.min()} to {array.max()}"
            )
    return array.astype(wanted)


def _typical(model: keras.Model, tensors: list[Any], batch_size: int | None) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    rescaled = any(
        isinstance(layer, keras.layers.Rescaling) and np.max(np.abs(layer.scale)) < 0.1
        for layer in layer_tree(model)
    )
    small = all(np.prod([n or _OPEN_LENGTH for n in t.shape[1:]]) < _FEW_VALUES for t in tensors)
    count = batch_size or (16 if small else 4)
    arrays = []
    for tensor in tensors:
        shape = (count, *(n or _OPEN_LENGTH for n in tensor.shape[1:]))
        kind = np.dtype(tensor.dtype if tensor.dtype != "bfloat16" else "float32").kind
        if tensor.dtype == "uint8" or (rescaled and kind == "f"):
            values: np.ndarray = _pictures(generator, shape)
        elif kind in "iub":
            values = generator.integers(0, 2, shape)
        else:
            values = generator.standard_normal(shape)
        arrays.append(_as_type(values, tensor.dtype, tensor.name))
    return arrays


def _pictures(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values from 0 to 255 that change slowly along height and width, with some noise."""
    coarse = generator.uniform(
        0, 255, (shape[0], *(max(n // 8, 1) for n in shape[1:-1]), shape[-1])
    )
    for axis, length in enumerate(shape[1:-1], start=1):
        index = np.minimum(np.arange(length) * coarse.shape[axis] // length, coarse.shape[axis] - 1)
        coarse = np.take(coarse, index, axis)
    return np.clip(np.round(coarse + generator.normal(0, 16, shape)), 0, 255)
