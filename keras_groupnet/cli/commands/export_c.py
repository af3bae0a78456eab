"""`groupnet export_c`: a .keras or .tflite file to one C file."""

from absl import app, flags
from rich.console import Console

from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.paths import existing_file, model_file, output_file

USAGE = "MODEL.keras|FILE.tflite NET.c [flags]"


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string(
        "name",
        None,
        "what the C function, NAME_run, begins with (default: the name of the C file)",
        flag_values=values,
    )
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Writes the file and prints how much memory the net needs."""
    if len(positional) != 2:
        raise app.UsageError("Expected the .keras or .tflite file and the .c file to write.")
    kind = "the .keras file of a model or its .tflite file"
    source = existing_file(positional[0], kind)
    if source.suffix != ".tflite":
        source = model_file(positional[0])
    target = output_file(positional[1], ".c")
    check_imports(values)
    from keras_groupnet.interop.c_source.to_c import to_c

    import_modules(values)
    model = source if source.suffix == ".tflite" else load_model(source)
    net = to_c(model, target, name=values.name)
    Console(highlight=False, markup=False, soft_wrap=True).print(
        f"{target}: {net.name}_run, {net.constant_bytes:,} bytes of constants, "
        f"{net.arena_bytes:,} bytes of static memory"
    )
