"""`groupnet summary`: bits, MACs, memory, speed-up and milliseconds of each layer."""

from absl import app, flags

from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.model_flags import (
    build_model,
    check_model_flags,
    define_model_flags,
    integers,
)
from keras_groupnet.cli.paths import model_file

USAGE = "[MODEL.keras] [flags]    (a saved model, or one of the zoo described by the flags)"


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_model_flags(values, "resnet18")
    flags.DEFINE_list("input_shape", ["224", "224", "3"], "of the images", flag_values=values)
    flags.DEFINE_integer("classes", 1000, "outputs", 1, flag_values=values)
    flags.DEFINE_string(
        "profile",
        None,
        "what `groupnet profile` wrote, or avx512 or avx2: where the milliseconds come from "
        "(default: what fits this machine)",
        flag_values=values,
    )
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Prints the table."""
    if len(positional) > 1:
        raise app.UsageError("Expected one .keras file, or none.")
    path = model_file(positional[0]) if positional else None
    check_imports(values)
    check_model_flags(values)
    shape = integers("input_shape", values.input_shape)
    from keras_groupnet.deployment import CostModel
    from keras_groupnet.deployment.summary import summary

    profile = CostModel.load(values.profile)  # before the model, which takes longer
    if path:
        import_modules(values)
        model = load_model(path)
    else:
        model = build_model(values, shape, values.classes)
    summary(model, profile=profile)
