"""`groupnet benchmark_layers`: single convolutions of ResNet-18 against XNNPACK."""

from absl import app, flags

from keras_groupnet.cli.model_flags import integers

USAGE = "[flags]    (ours reads packed activations and writes float32)"

_PEAK, _FLOAT32, _INT8 = "peak", "float32", "int8"


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_list(
        "shapes",
        ["56x56x64", "28x28x128", "14x14x256", "7x7x512"],
        "height x width x channels of 3x3 convolutions from C to C channels, stride 1",
        flag_values=values,
    )
    flags.DEFINE_list("bits", ["1", "2", "4"], "of the activations", flag_values=values)
    flags.DEFINE_integer("threads", 1, "of the interpreter", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("runs", 200, "timed runs of each layer", lower_bound=1, flag_values=values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Converts single layers, times them side by side, prints times and ratios."""
    if positional:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(positional)}")
    bits = integers("bits", values.bits)
    if not set(bits) <= {1, 2, 4}:
        raise app.UsageError(f"--bits must be some of 1, 2, 4. Received: {','.join(values.bits)}.")
    shapes = {text: integers("shapes", text.split("x")) for text in values.shapes}
    for text, shape in shapes.items():
        if len(shape) != 3 or min(shape) < 1:
            raise app.UsageError(f"--shapes must be like 56x56x64,7x7x512. Received: {text!r}.")
    from rich.console import Console
    from rich.table import Table

    from keras_groupnet.bench.benchmark import interleave, machine, prepared
    from keras_groupnet.bench.peak import run_popcount_peak

    times_table = Table(title="3x3 convolutions, one image: microseconds")
    ratios = Table(title="Share of the peak, and how many times faster than float32 and int8")
    for table in (times_table, ratios):
        table.add_column("shape")
    for name in (_PEAK, *(f"{count} bit" for count in bits), _FLOAT32, _INT8):
        times_table.add_column(name, justify="right")
    for count in bits:
        for name in (f"{count} bit: peak", _FLOAT32, _INT8):
            ratios.add_column(name, justify="right")
    for shape, (height, width, channels) in shapes.items():
        macs = 9 * height * width * channels**2
        files = {str(count): _packed_convolution(height, width, channels, count) for count in bits}
        files |= _baselines(height, width, channels)
        interpreters = {name: prepared(f, num_threads=values.threads) for name, f in files.items()}
        peak_macs = run_popcount_peak(macs)
        seconds = interleave(
            {_PEAK: lambda macs=macs: run_popcount_peak(macs)}
            | {name: one.invoke for name, one in interpreters.items()},
            values.runs,
        )
        fastest = {name: min(times) for name, times in seconds.items()}
        # The loop does whole passes, and on one thread; without one its share is not a number.
        fastest[_PEAK] *= macs / peak_macs / values.threads if peak_macs else float("nan")
        times_table.add_row(shape, *(f"{1e6 * time:.0f}" for time in fastest.values()))
        ratios.add_row(
            shape,
            *(
                text
                for count in bits
                for text in (
                    f"{fastest[_PEAK] / fastest[str(count)]:.0%}",
                    *(f"{fastest[name] / fastest[str(count)]:.1f}x" for name in (_FLOAT32, _INT8)),
                )
            ),
        )
    console = Console(highlight=False, width=130)
    console.print(times_table)
    console.print(ratios)
    facts = machine() | {"threads": values.threads, "runs": values.runs}
    console.print(", ".join(f"{name} {fact}" for name, fact in facts.items()))
    console.print(
        "Fastest of interleaved runs. Peak: the bare xor and popcount loop of 1-bit products, "
        "operands in the first-level cache."
    )


def _packed_convolution(height: int, width: int, channels: int, bits: int) -> bytes:
    """A file whose only op is the binary convolution: packed input, float32 output."""
    import keras

    import keras_groupnet as kgn
    from keras_groupnet.conversion.flatbuffer.graph import Graph

    quantizer = (
        kgn.quantizers.SteSign() if bits == 1 else kgn.quantizers.KBitActivation(bits, beta=1.0)
    )
    inputs = keras.Input((height, width, channels))
    outputs = kgn.layers.QuantConv2D(
        channels,
        3,
        padding="same",
        pad_values=1.0 if bits == 1 else 0.0,
        use_bias=False,
        input_quantizer=quantizer,
        kernel_quantizer="binary_weight",
    )(inputs)
    graph = Graph(kgn.convert(keras.Model(inputs, outputs), batch_size=1).content)
    (convolution,) = graph.of_kind("KgnConv2D")
    alone = graph.subgraph_of([convolution], convolution.inputs[:1], convolution.outputs)
    return alone.to_bytes()


def _baselines(height: int, width: int, channels: int) -> dict[str, bytes]:
    """The same convolution as float32 and as int8 file."""
    import keras
    import numpy as np

    import keras_groupnet as kgn
    from keras_groupnet.conversion.int8.float_layers import quantize_model

    inputs = keras.Input((height, width, channels))
    outputs = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False)(inputs)
    content = kgn.convert(keras.Model(inputs, outputs), batch_size=1).content
    images = np.random.default_rng(0).standard_normal((4, height, width, channels))
    return {_FLOAT32: content, _INT8: quantize_model(content, images.astype(np.float32))}
