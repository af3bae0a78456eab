"""TensorFlow functions in the graph of a tf.keras model → `keras.ops`.

tf.keras puts them there for `x + y`, `tf.nn.relu(x)`, `x[:, 1:]` and the like: `TFOpLambda` layers
since TensorFlow 2.4, `TensorFlowOpLayer` before. Parameters are named as TensorFlow's, because
configs name them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from keras_groupnet.interop.context import NoCounterpart


def _split(value, num_or_size_splits, axis=0):
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis=axis)
    ends = [sum(num_or_size_splits[: i + 1]) for i in range(len(num_or_size_splits) - 1)]
    return ops.split(value, ends, axis=axis)


def _pad(tensor, paddings, mode="CONSTANT", constant_values=0):
    if mode.lower() != "constant":
        return ops.pad(tensor, paddings, mode=mode.lower())
    return ops.pad(tensor, paddings, constant_values=constant_values)


def _reduction(function):
    def reduce(input_tensor, axis=None, keepdims=False):
        return function(input_tensor, axis=axis, keepdims=keepdims)

    return reduce


def _slice(tensor, slice_spec):
    parts = slice_spec if isinstance(slice_spec, list | tuple) else [slice_spec]
    return tensor[
        tuple(
            slice(part.get("start"), part.get("stop"), part.get("step"))
            if isinstance(part, dict)
            else part
            for part in parts
        )
    ]


def _matmul(a, b, transpose_a=False, transpose_b=False):
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


# By the last part of TensorFlow's name: `math.add`, `__operators__.add` and `add` are one function.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: ops.abs(x),
    "add": lambda x, y: ops.add(x, y),
    "cast": lambda x, dtype: ops.cast(x, dtype),
    "clip_by_value": lambda t, clip_value_min, clip_value_max: ops.clip(
        t, clip_value_min, clip_value_max
    ),
    "concat": lambda values, axis: ops.concatenate(values, axis=axis),
    "divide": lambda x, y: ops.divide(x, y),
    "elu": lambda features: ops.elu(features),
    "exp": lambda x: ops.exp(x),
    "expand_dims": lambda input, axis: ops.expand_dims(input, axis=axis),
    "getitem": _slice,
    "identity": lambda input: input,
    "log": lambda x: ops.log(x),
    "matmul": _matmul,
    "maximum": lambda x, y: ops.maximum(x, y),
    "minimum": lambda x, y: ops.minimum(x, y),
    "multiply": lambda x, y: ops.multiply(x, y),
    "negative": lambda x: ops.negative(x),
    "pad": _pad,
    "pow": lambda x, y: ops.power(x, y),
    "reduce_max": _reduction(ops.max),
    "reduce_mean": _reduction(ops.mean),
    "reduce_min": _reduction(ops.min),
    "reduce_prod": _reduction(ops.prod),
    "reduce_sum": _reduction(ops.sum),
    "relu": lambda features: ops.relu(features),
    "relu6": lambda features: ops.relu6(features),
    "reshape": lambda tensor, shape: ops.reshape(tensor, shape),
    "rsqrt": lambda x: ops.rsqrt(x),
    "selu": lambda features: ops.selu(features),
    "sigmoid": lambda x: ops.sigmoid(x),
    "silu": lambda features: ops.silu(features),
    "softmax": lambda logits, axis=-1: ops.softmax(logits, axis=axis),
    "split": _split,
    "sqrt": lambda x: ops.sqrt(x),
    "square": lambda x: ops.square(x),
    "squeeze": lambda input, axis=None: ops.squeeze(input, axis=axis),
    "stack": lambda values, axis=0: ops.stack(values, axis=axis),
    "subtract": lambda x, y: ops.subtract(x, y),
    "swish": lambda features: ops.silu(features),
    "tanh": lambda x: ops.tanh(x),
    "transpose": lambda a, perm=None: ops.transpose(a, perm),
    "truediv": lambda x, y: ops.divide(x, y),
}
# The names of the ops that `TensorFlowOpLayer` holds.
_OPS = {
    "Abs": "abs",
    "Add": "add",
    "AddV2": "add",
    "Exp": "exp",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Mul": "multiply",
    "Neg": "negative",
    "RealDiv": "divide",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Sqrt": "sqrt",
    "Square": "square",
    "Sub": "subtract",
    "Tanh": "tanh",
}


def function(name: str) -> Callable[..., Any]:
    """The counterpart of a TensorFlow function, with its parameters.

    Raises:
        NoCounterpart: for one that is not known.
    """
    short = name.rsplit(".", 1)[-1]
    known = _FUNCTIONS.get(short)
    if known is None:
        raise NoCounterpart(
            f"The TensorFlow function {name!r} is not known here. Put a layer in its place, or pass"
            " custom_objects={LAYER_NAME: a function of its inputs}."
        )

    def call(*args: Any, **kwargs: Any) -> Any:
        # Every function has these two; the type of a reduction is that of its input.
        return known(*args, **{k: v for k, v in kwargs.items() if k != "name" and v is not None})

    return call


def op_layer(config: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a `TensorFlowOpLayer`: one op, some of whose inputs are constants.

    Raises:
        NoCounterpart: for an op that is not known.
    """
    node = config["node_def"]
    kind = node.get("op") if isinstance(node, dict) else _op_of_text(node)
    if kind not in _OPS:
        raise NoCounterpart(f"The TensorFlow op {kind!r} is not known here. Put a layer there.")
    compute = _FUNCTIONS[_OPS[kind]]
    constants = {int(position): value for position, value in config["constants"].items()}

    def call(inputs: Any) -> Any:
        tensors = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        for position in sorted(constants):
            tensors.insert(position, ops.convert_to_tensor(constants[position], dtype="float32"))
        return compute(*tensors)

    return call


def _op_of_text(node: str) -> str | None:
    found = re.search(r'"?\bop"?: "(\w+)"', node)
    return found and found.group(1)


def lambda_layer(config: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a `Lambda` layer of larq-zoo, by the module that it is from.

    The code itself is in the config as bytes of one version of Python; it is not run.

    Raises:
        NoCounterpart: for any other.
    """
    written = config.get("function")
    if isinstance(written, dict):  # as newer versions write it
        written = [written["config"][key] for key in ("code", "defaults", "closure")]
    closure = (written[2] or []) if isinstance(written, list | tuple) else []
    module = config.get("module")
    if module == "larq_zoo.core.utils" and len(closure) == 3:
        positional, named, name = closure  # of TFOpLayer(tf_op, *args, **kwargs)
        known = function(name)
        return lambda x: known(x, *positional, **named)
    if module == "larq_zoo.literature.meliusnet" and len(closure) == 1:
        return lambda x: x[0] + _pad(x[1], [[0, 0], [0, 0], [0, 0], [closure[0] - 64, 0]])
    if module == "larq_zoo.literature.real_to_bin_nets" and not closure:
        return lambda x: x
    raise NoCounterpart(
        "A Lambda layer holds the bytes of a Python function, which are not run. Pass what it "
        f"computes: custom_objects={{{config['name']!r}: a function of its inputs}}."
    )


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor of the graph that is being built."""
    return isinstance(value, keras.KerasTensor)
