"""The values of tensors inside a file while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_groupnet.conversion.graph import Graph
from keras_groupnet.runtime.interpreter import Interpreter


def tensor_values(
    content: bytes, tensors: Sequence[int], inputs: Any, images: int = 8
) -> Iterator[list[np.ndarray]]:
    """Runs a file and yields what some of its tensors hold, a few images at a time.

    Args:
        content: a `.tflite` file.
        tensors: their indices in `Graph(content)`; each comes out as if it were an output.
        inputs: what `Interpreter.predict` takes: an array, or a list or dict of arrays.
        images: at a time, for a file with a dynamic batch.

    Yields:
        The values of the tensors in the order asked for, for the next images.
    """
    if not tensors:
        return
    graph = Graph(content)
    added = sorted(set(tensors) - set(graph.outputs))
    place = {tensor: i for i, tensor in enumerate([*graph.outputs, *added])}
    interpreter = Interpreter(graph.with_outputs(added))
    batch = int(interpreter.get_input_details()[0]["shape_signature"][0])
    step = batch if batch > 0 else images
    for start in range(0, len(_leaves(inputs)[0]), step):
        interpreter.predict(_sliced(inputs, slice(start, start + step)), step)  # one invocation
        details = interpreter.get_output_details()
        yield [interpreter.get_tensor(details[place[tensor]]["index"]) for tensor in tensors]


def _leaves(inputs: Any) -> list:
    if isinstance(inputs, dict):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]


def _sliced(inputs: Any, part: slice) -> Any:
    if isinstance(inputs, dict):
        return {name: value[part] for name, value in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        return type(inputs)(value[part] for value in inputs)
    return inputs[part]
