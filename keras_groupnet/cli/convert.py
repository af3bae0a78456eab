"""`groupnet convert`: a .keras file to a .tflite file."""

from absl import app, flags
from rich.console import Console

from keras_groupnet.cli.data_flags import define_data_flags, load_data

USAGE = "MODEL.keras MODEL.tflite [flags]"
_IMAGES = 100  # to calibrate and to check with


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_enum(
        "first_last",
        "float",
        ["float", "int8"],
        "what the layers that are not binary become: float or int8 (calibrated with --data)",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size", 0, "of the file; 0 for any", lower_bound=0, flag_values=values
    )
    flags.DEFINE_bool(
        "strict",
        True,
        "fail if a binary layer would stay float, or if the file answers unlike Keras",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "compress",
        "none",
        ["none", "huffman"],
        "store 3x3 binary weights by Huffman's code where that is shorter; answers stay the same",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "cluster",
        0,
        "with --compress: how many different 3x3 kernels a layer keeps; changes weights; 0 for all",
        lower_bound=0,
        upper_bound=512,
        flag_values=values,
    )
    define_data_flags(values, None)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Converts and prints the report."""
    if len(positional) != 2:
        raise app.UsageError("Expected the .keras file and the .tflite file to write.")
    source, target = positional
    import keras

    import keras_groupnet as kgn

    model = keras.models.load_model(source)
    data = load_data(values, batch_size=_IMAGES) if values.data else None
    converted = kgn.convert(
        model,
        target,
        batch_size=values.batch_size or None,
        first_last=values.first_last,
        representative_data=data.train[0][0] if data else None,
        images=data.test[0][0] if data else None,
        strict=values.strict,
        compress=None if values.compress == "none" else values.compress,
        cluster=values.cluster or None,
    )
    # The report has its own width: a narrow terminal must not break its lines again.
    Console(highlight=False, markup=False).print(str(converted.report), soft_wrap=True)
