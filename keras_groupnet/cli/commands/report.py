"""`groupnet report`: one self-contained page about a model or a file."""

from pathlib import Path

from absl import app, flags
from rich.console import Console

from keras_groupnet.cli.data_flags import check_data_flags, define_data_flags, load_data
from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.model_flags import integers
from keras_groupnet.cli.paths import existing_file, model_file, output_file

USAGE = """MODEL.keras|FILE.tflite [-o report.html] [flags]

For instance: groupnet report digits.keras -o digits.html --data=digits"""
_BATCH_SIZE = 100


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string(
        "output", "report.html", "the page to write", flag_values=values, short_name="o"
    )
    define_data_flags(values, None)
    flags.DEFINE_string(
        "statistics", None, "statistics.csv of a training, to show flips", flag_values=values
    )
    flags.DEFINE_string(
        "parent",
        None,
        ".keras file of the full-precision parent, to time whole nets side by side",
        flag_values=values,
    )
    flags.DEFINE_list(
        "input_shape", None, "of models that leave it open: 224,224,3", flag_values=values
    )
    flags.DEFINE_bool("measure", True, "convert and time the model", flag_values=values)
    flags.DEFINE_integer("threads", 1, "of the interpreter", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("runs", 20, "timed runs of everything", lower_bound=1, flag_values=values)
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Writes the page."""
    if len(positional) != 1:
        raise app.UsageError("Expected one .keras or .tflite file.")
    is_file = Path(positional[0]).suffix == ".tflite"
    if is_file:
        source = existing_file(positional[0], "a .tflite file")
    else:
        source = model_file(positional[0])
    target = output_file(values.output, ".html")
    parent = model_file(values.parent) if values.parent else None
    if is_file and (parent or values.input_shape):
        given = "parent" if parent else "input_shape"
        raise app.UsageError(f"--{given} is for .keras files. Leave it out.")
    statistics = values.statistics
    if statistics:
        existing_file(statistics, "the statistics.csv that training writes")
    shape = integers("input_shape", values.input_shape) if values.input_shape else None
    check_imports(values)
    check_data_flags(values)
    from keras_groupnet.reports.report import report

    import_modules(values)
    report(
        source if is_file else load_model(source),
        target,
        data=load_data(values, _BATCH_SIZE).test if values.data else None,
        statistics=statistics,
        parent=load_model(parent) if parent else None,
        measure=values.measure,
        num_threads=values.threads,
        runs=values.runs,
        input_shape=shape,
    )
    Console(highlight=False, markup=False, soft_wrap=True).print(f"{target}: written")
