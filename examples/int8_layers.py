"""Times single float layers in every int8 scheme; prints Markdown, fastest runs in milliseconds.

python examples/int8_layers.py
"""

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from keras import layers

from keras_groupnet.bench.benchmark import benchmark
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers
from keras_groupnet.conversion.int8.scheme import Scheme

FLAGS = flags.FLAGS
flags.DEFINE_integer("runs", 60, "Timed runs.", lower_bound=1)


def candidates() -> dict[str, tuple[tuple[int, ...], keras.layers.Layer]]:
    """Name → input shape, layer."""
    same = {"padding": "same"}
    return {
        "convolution 7×7, stride 2, 224×224×3 → 64": (
            (224, 224, 3),
            layers.Conv2D(64, 7, 2, **same),
        ),
        "convolution 1×1, stride 2, 28×28×128 → 256": ((28, 28, 128), layers.Conv2D(256, 1, 2)),
        "dense 512 → 1000": ((512,), layers.Dense(1000)),
        "depthwise 3×3, 56×56×64": ((56, 56, 64), layers.DepthwiseConv2D(3, **same)),
        "transposed 3×3, stride 2, 28×28×64 → 64": (
            (28, 28, 64),
            layers.Conv2DTranspose(64, 3, 2, **same),
        ),
    }


def main(_) -> None:
    """Converts, quantizes in every way, times."""
    print(f"| layer | float32 | {' | '.join(scheme.value for scheme in Scheme)} |")
    print("|---|" + "---|" * (1 + len(Scheme)))
    for name, (shape, layer) in candidates().items():
        model = keras.Sequential([keras.Input(shape), layer])
        float32 = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        data = np.random.default_rng(0).standard_normal((8, *shape), np.float32)
        files = {"float32": float32}
        for scheme in Scheme:
            chosen = quantize_float_layers(float32, data, lambda graph, op, s=scheme: s)
            files[scheme.value] = chosen
        times = [f"{timing.fastest_ms:.3f}" for timing in benchmark(files, runs=FLAGS.runs)]
        print(f"| {name} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    app.run(main)
