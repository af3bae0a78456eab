"""The values of tensors inside a file while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.runtime.interpreter import Interpreter, quantized_input


@dataclass
class Observed:
    """What a tensor was seen to hold: smallest and largest value, and the last shape."""

    low: float = np.inf
    high: float = -np.inf
    shape: tuple[int, ...] = ()

    def include(self, values: np.ndarray) -> None:
        """Widens the range to these values."""
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        self.shape = values.shape


def invoke(interpreter: Interpreter, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Runs a file once on inputs of any shapes.

    Args:
        interpreter: of the file.
        inputs: one array for each input, in the file's order; real numbers are quantized for an
            integer input.

    Returns:
        The outputs in the file's order, as the file has them (integers where they are integers).
    """
    entries = interpreter.get_input_details()
    for entry, array in zip(entries, inputs, strict=True):
        interpreter.resize_tensor_input(entry["index"], array.shape)
    interpreter.allocate_tensors()
    for entry, array in zip(entries, inputs, strict=True):
        interpreter.set_tensor(entry["index"], quantized_input(array, entry))
    interpreter.invoke()
    return [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]


def allocate_as(graph: Graph, inputs: Sequence[np.ndarray]) -> None:
    """Lets an interpreter begin with the sizes of these inputs where the file leaves them open.

    They stand as 1 otherwise, which is too small for windows without padding. The
    batch stays as it is.
    """
    for tensor, array in zip(graph.inputs, inputs, strict=True):
        shape = (*graph.shape(tensor)[:1], *array.shape[1:])
        graph.tensors[tensor].shape = np.asarray(shape, np.int32)


def tensor_values(
    content: bytes,
    tensors: Sequence[int],
    inputs: np.ndarray | Sequence[np.ndarray],
    samples: int = 8,
) -> Iterator[list[np.ndarray]]:
    """Runs a file and yields what some of its tensors hold, a few samples at a time.

    Args:
        content: a `.tflite` file.
        tensors: their indices in `Graph(content)`; each comes out as if it were an output.
        inputs: an array, or one for each input in the file's order.
        samples: at a time, for a file with a dynamic batch.

    Yields:
        The values of the tensors in the order asked for, for the next samples.

    Raises:
        ValueError: not a multiple of the file's fixed batch.
    """
    if not tensors:
        return
    graph = Graph(content)
    added = sorted(set(tensors) - set(graph.outputs))
    place = {tensor: i for i, tensor in enumerate([*graph.outputs, *added])}
    arrays = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    allocate_as(graph, arrays)
    batch, count = graph.signature(graph.inputs[0])[0], len(arrays[0])
    if batch > 0 and count % batch:
        raise ValueError(f"Expected a multiple of the file's batch, {batch}. Received: {count}")
    step = batch if batch > 0 else samples
    interpreter = Interpreter(graph.with_outputs(added))
    for start in range(0, count, step):
        outputs = invoke(interpreter, [array[start : start + step] for array in arrays])
        yield [outputs[place[tensor]] for tensor in tensors]


def observe(
    content: bytes, tensors: Iterable[int], inputs: np.ndarray | Sequence[np.ndarray]
) -> dict[int, Observed]:
    """What tensors hold over all of the inputs; arguments as for `tensor_values`."""
    observed = {tensor: Observed() for tensor in tensors}
    for values in tensor_values(content, list(observed), inputs):
        for seen, value in zip(observed.values(), values, strict=True):
            seen.include(value)
    return observed
