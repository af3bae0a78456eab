"""`groupnet summary`: bits, MACs, memory and speed-up of each layer."""

from absl import app, flags

from keras_groupnet.cli.model_flags import build_model, define_model_flags, integers

USAGE = "[MODEL.keras] [flags]    (a saved model, or one of the zoo described by the flags)"


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_model_flags(values, "resnet18")
    flags.DEFINE_list("input_shape", ["224", "224", "3"], "of the images", flag_values=values)
    flags.DEFINE_integer("classes", 1000, "outputs", flag_values=values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Prints the table."""
    if len(positional) > 1:
        raise app.UsageError("Expected one .keras file, or none.")
    import keras

    import keras_groupnet as kgn

    if positional:
        model = keras.models.load_model(positional[0])
    else:
        shape = integers("input_shape", values.input_shape)
        model = build_model(values, shape, values.classes)
    kgn.summary(model)
