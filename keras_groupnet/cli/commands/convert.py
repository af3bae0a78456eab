"""`groupnet convert`: a .keras file to a .tflite file."""

from absl import app, flags
from rich.console import Console

from keras_groupnet.cli.data_flags import check_data_flags, define_data_flags, load_data
from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.paths import model_file, output_file

USAGE = "MODEL.keras MODEL.tflite [flags]"
_IMAGES = 100  # to calibrate and to check with


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_enum(
        "float_layers",
        "float32",
        ["float32", "int8"],
        "what the layers that are not binary become: float32 or int8 (calibrated with --data)",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "first_last",
        None,
        ["float", "int8"],
        "deprecated: --float_layers",
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
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Converts and prints the report."""
    if len(positional) != 2:
        raise app.UsageError("Expected the .keras file and the .tflite file to write.")
    source, target = model_file(positional[0]), output_file(positional[1], ".tflite")
    check_imports(values)
    check_data_flags(values)
    # The report has its own width: a narrow terminal must not break its lines again.
    console = Console(highlight=False, markup=False, soft_wrap=True)
    float_layers = values.float_layers
    if values.first_last is not None:
        console.print(
            "--first_last will go in the next release. Use --float_layers=float32 or int8."
        )
        float_layers = {"float": "float32"}.get(values.first_last, values.first_last)
    if float_layers == "int8" and not values.data:
        raise app.UsageError("--float_layers=int8 needs --data to calibrate with.")
    if values.cluster and values.compress == "none":
        raise app.UsageError("--cluster needs --compress=huffman.")
    from keras_groupnet.lite import convert

    import_modules(values)
    model = load_model(source)
    data = load_data(values, batch_size=_IMAGES) if values.data else None
    converted = convert(
        model,
        target,
        batch_size=values.batch_size or None,
        float_layers=float_layers,
        representative_data=data.train[0][0] if data else None,
        inputs=data.test[0][0] if data else None,
        strict=values.strict,
        compress=None if values.compress == "none" else values.compress,
        cluster=values.cluster or None,
    )
    console.print(str(converted.report))
