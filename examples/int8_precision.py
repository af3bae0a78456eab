"""What each way to quantize the float layers to int8 does to the quantizers behind them.

    groupnet train digits.keras --data=digits --model=resnet --stem=cifar --blocks=1,1 \
        --filters=64,128 --bases=2 --epochs=12 [--activation_bits=BITS]
    python examples/int8_precision.py --model=digits.keras --data=digits
    python examples/int8_precision.py --activation_bits=BITS

Without --model it is ResNet-18 with one base, random weights and random batch norms, on random
images. Prints one Markdown row a scheme for the layers in front of a quantizer: the share of codes
that differ from the float32 file's at the first quantizer, on average and at the worst one, the
accuracy on labeled data, and the fastest and the median time of one image.
"""

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import benchmark
from keras_groupnet.conversion.int8.changed_codes import changed_codes
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers
from keras_groupnet.conversion.int8.scheme import Scheme, reaches_quantizer

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, "A .keras file.")
flags.DEFINE_string("data", "digits", "Its data set, a name of kgn.datasets.load.")
flags.DEFINE_integer("activation_bits", 1, "Of the ResNet-18, if there is no --model.")
flags.DEFINE_integer("images", 8, "Random images for it.", lower_bound=1)
flags.DEFINE_integer("runs", 40, "Timed runs.", lower_bound=1)


def random_resnet18() -> keras.Model:
    """Batch norms as a trained net has them."""
    model = kgn.models.ResNet18(bases=1, activation_bits=FLAGS.activation_bits)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            gamma = generator.uniform(0.5, 1.5, shape) * generator.choice([-1, 1], shape)
            beta, mean = generator.normal(0, 0.3, shape), generator.normal(0, 1, shape)
            layer.set_weights([gamma, beta, mean, generator.uniform(0.5, 2, shape)])
    return model


def main(_) -> None:
    """Converts, quantizes in every way, compares."""
    if FLAGS.model:
        model = keras.models.load_model(FLAGS.model, compile=False)
        data = kgn.datasets.load(FLAGS.data)
        typical, inputs, labels = data.train_x[:128], data.test_x, data.test_y
    else:
        model, labels = random_resnet18(), None
        shape = (2 * FLAGS.images, *model.inputs[0].shape[1:])
        both = np.random.default_rng(0).standard_normal(shape, np.float32)
        typical, inputs = both[: FLAGS.images], both[FLAGS.images :]
    files = {"float32": kgn.convert(model, inputs=inputs[:4]).content}
    for scheme in Scheme:
        files[scheme.value] = quantize_float_layers(
            files["float32"],
            typical,
            lambda graph, op, s=scheme: s if reaches_quantizer(graph, op) else Scheme.STATIC,
        )
    times = {timing.name: timing for timing in benchmark(files, runs=FLAGS.runs)}
    print("| in front of a quantizer | first | mean | worst | accuracy | fastest ms | median ms |")
    print("|---|---|---|---|---|---|---|")
    for name, content in files.items():
        shares = [entry.share for entry in changed_codes(files["float32"], content, inputs)]
        accuracy = ""
        if labels is not None:
            outputs = kgn.lite.Interpreter(content).predict(inputs)
            accuracy = f"{np.mean(outputs.argmax(-1) == labels):.1%}"
        cells = [f"{share:.2%}" for share in (shares[0], np.mean(shares), max(shares))]
        time = times[name]
        cells += [accuracy, f"{time.fastest_ms:.2f}", f"{time.median_ms:.2f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    app.run(main)
