"""Writes small .tflite files by hand: tests of the delegate need no converter."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.bool_): schema.TensorType.BOOL,
}
ABSENT = -1

CONV2D_DEFAULTS = {
    "version": 1,
    "groups": 1,
    "stride_height": 1,
    "stride_width": 1,
    "dilation_height": 1,
    "dilation_width": 1,
    "padding": 0,
    "pad_value": 0,
    "pre_activation": 0,
    "activation": 0,
    "float_output": 1,
    "out_bits": 0,
    "out_scale": 1.0,
}
DENSE_DEFAULTS = {
    key: CONV2D_DEFAULTS[key]
    for key in ("version", "pre_activation", "activation", "float_output", "out_bits", "out_scale")
}

# What version 3 adds to both, without effect.
GENERAL_ACTIVATION = {"activation_min": -np.inf, "activation_max": np.inf}


class ModelBuilder:
    """Collects tensors and ops in execution order; tensors are known by their indices."""

    def __init__(self):
        self._buffers = [schema.BufferT()]
        self._tensors = []
        self._operators = []
        self._codes = {}
        self._inputs = []

    def input(self, shape, dtype=np.float32, signature=None, quantization=None):
        """Adds an input of the model; `signature` has -1 for dynamic extents."""
        index = self.tensor(shape, dtype, quantization)
        if signature is not None:
            self._tensors[index].shapeSignature = np.asarray(signature, np.int32)
        self._inputs.append(index)
        return index

    def constant(self, value):
        """Adds a constant tensor; None gives the index of an absent optional input."""
        if value is None:
            return ABSENT
        index = self.tensor(value.shape, value.dtype)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        self._buffers.append(buffer)
        self._tensors[index].buffer = len(self._buffers) - 1
        return index

    def tensor(self, shape=(), dtype=np.float32, quantization=None):
        """Adds a tensor that an op writes. Our ops set its shape themselves when prepared.

        `quantization`: (scale, zero point).
        """
        tensor = schema.TensorT()
        tensor.name = f"tensor_{len(self._tensors)}"
        tensor.shape = np.asarray(shape, np.int32)
        tensor.type = _TYPES[np.dtype(dtype)]
        tensor.hasRank = True
        if quantization is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.asarray(quantization[:1], np.float32)
            tensor.quantization.zeroPoint = np.asarray(quantization[1:], np.int64)
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def custom(self, name, inputs, outputs, options):
        """Adds a custom op. `options`: a dict, or bytes to write something malformed."""
        operator = self._operator((name, schema.BuiltinOperator.CUSTOM), inputs, outputs)
        data = options if isinstance(options, bytes) else bytes(flexbuffers.Dumps(options))
        operator.customOptions = np.frombuffer(data, np.uint8)

    def add(self, inputs, output):
        """Adds a float ADD, an op of the runtime itself."""
        operator = self._operator((None, schema.BuiltinOperator.ADD), inputs, [output])
        operator.builtinOptionsType = schema.BuiltinOptions.AddOptions
        operator.builtinOptions = schema.AddOptionsT()

    def _operator(self, code, inputs, outputs):
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(code, len(self._codes))
        operator.inputs = np.asarray(inputs, np.int32)
        operator.outputs = np.asarray(outputs, np.int32)
        self._operators.append(operator)
        return operator

    def finish(self, outputs):
        """Returns the model as bytes."""
        codes = []
        for name, builtin in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = builtin
            code.deprecatedBuiltinCode = builtin
            code.customCode = name
            code.version = 1
            codes.append(code)
        subgraph = schema.SubGraphT()
        subgraph.tensors = self._tensors
        subgraph.operators = self._operators
        subgraph.inputs = np.asarray(self._inputs, np.int32)
        subgraph.outputs = np.asarray(outputs, np.int32)
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes = codes
        model.subgraphs = [subgraph]
        model.buffers = self._buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def output_types(name, options):
    """The types of an op's outputs, in order."""
    if name in ("KgnDequantize", "KgnScaleMap"):
        return [np.float32]
    if name in ("KgnQuantize", "KgnMaxPool2D"):
        return [np.int32]
    outputs = [np.float32] if options.get("float_output") else []
    return outputs + ([np.int32] if options.get("out_bits") else [])


def single_op(name, inputs, options, constants=()):
    """A model of one custom op.

    Args:
        name: the op.
        inputs: list of arrays or None (absent), the op's inputs in order.
        options: its options.
        constants: positions in `inputs` that are constants of the file; the others become inputs of
            the model, in the same order, with a dynamic first axis.

    Returns:
        The model as bytes.
    """
    builder = ModelBuilder()
    indices = []
    for position, value in enumerate(inputs):
        if value is None or position in constants:
            indices.append(builder.constant(value))
        else:
            indices.append(builder.input(value.shape, value.dtype, (-1, *value.shape[1:])))
    outputs = [builder.tensor(dtype=dtype) for dtype in output_types(name, options)]
    builder.custom(name, indices, outputs, options)
    return builder.finish(outputs)
