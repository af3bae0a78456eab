"""A converted net as a QONNX model: ONNX with ops that say how values are quantized."""
