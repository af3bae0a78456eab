"""`groupnet benchmark`: ours, with float32 or int8 for the rest, beside float32 and int8."""

from absl import app, flags

from keras_groupnet.cli.model_flags import (
    build_model,
    check_model_flags,
    define_model_flags,
    integers,
)

USAGE = "[flags]    (the weights are random: they do not matter for the time)"


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_model_flags(values, "resnet18")
    flags.DEFINE_list("input_shape", ["224", "224", "3"], "of the images", flag_values=values)
    flags.DEFINE_integer("classes", 1000, "outputs", flag_values=values)
    flags.DEFINE_integer("batch_size", 1, "images a run", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("threads", 1, "of the interpreter", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("runs", 50, "timed runs of each file", lower_bound=1, flag_values=values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Builds, converts, times, prints."""
    if positional:
        raise app.UsageError(f"Expected flags only. Received: {' '.join(positional)}")
    check_model_flags(values)
    if values.bases == ["0"] and not values.method:
        raise app.UsageError("Expected --bases of at least 1: float32 and int8 come beside it.")
    shape = integers("input_shape", values.input_shape)
    import numpy as np

    from keras_groupnet.bench.baselines import convert_with_baselines, print_comparison

    ours = build_model(values, shape, values.classes)
    parent = build_model(values, shape, values.classes, method="full_precision")
    images = np.random.default_rng(values.seed).standard_normal((8, *shape), np.float32)
    what = values.method or (f"K={','.join(values.bases)} W1A{','.join(values.activation_bits)}")
    print_comparison(
        convert_with_baselines(ours, parent, images),
        f"{values.model} {'x'.join(map(str, shape))}, {what}",
        batch_size=values.batch_size,
        num_threads=values.threads,
        runs=values.runs,
    )
