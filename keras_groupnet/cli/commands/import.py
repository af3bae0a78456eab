"""`groupnet import`: an .h5 file of Larq or tf.keras to a .keras file."""

from absl import app, flags

from keras_groupnet.atomic_file import replaced
from keras_groupnet.cli.paths import existing_file, output_file

USAGE = "LARQ_MODEL.h5 MODEL.keras [flags]"


def define_flags(values: flags.FlagValues) -> None:
    """The command has no flags of its own."""


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Reads, saves and tells what to do next."""
    if len(positional) != 2:
        raise app.UsageError("Expected the .h5 file of a model and the .keras file to write.")
    source = existing_file(positional[0], "the .h5 file of a Larq or tf.keras model")
    target = output_file(positional[1], ".keras")
    from keras_groupnet.interop import from_tf_keras

    model = from_tf_keras(source)
    with replaced(target) as unfinished:
        model.save(unfinished)
    print(
        f"{target}: {target.stat().st_size:,} bytes, {len(model.layers)} layers, "
        f"{model.count_params():,} weights. `groupnet convert` makes a .tflite file of it."
    )
