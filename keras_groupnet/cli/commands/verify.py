"""`groupnet verify`: whether a .tflite file does what its .keras file does."""

from absl import app, flags
from rich.console import Console

from keras_groupnet.cli.data_flags import check_data_flags, define_data_flags, load_data
from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.paths import existing_file, model_file

USAGE = "MODEL.keras FILE.tflite [flags]    (exit code 1 if the file does something else)"
_IMAGES = 100


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_data_flags(values, None)
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> int:
    """Compares and prints the table of the layers."""
    if len(positional) != 2:
        raise app.UsageError("Expected the .keras file and the .tflite file to compare.")
    source = model_file(positional[0])
    file = existing_file(positional[1], "the .tflite file that was made from the model")
    check_imports(values)
    check_data_flags(values)
    from keras_groupnet import lite

    import_modules(values)
    model = load_model(source)
    images = load_data(values, batch_size=_IMAGES).test[0][0] if values.data else None
    report = lite.verify(model, file, inputs=images)
    Console(highlight=False, markup=False, soft_wrap=True).print(str(report))
    return 0 if report.ok else 1
