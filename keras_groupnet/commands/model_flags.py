"""Flags that describe a model of the zoo."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import app, flags

if TYPE_CHECKING:
    import keras

MODELS = {
    "resnet": "ResNet",
    "resnet18": "ResNet18",
    "resnet34": "ResNet34",
    "resnet50": "ResNet50",
    "alexnet": "AlexNet",
}
_OPTIONS = ("wiring", "skip", "shortcut", "activation_scale", "stem", "filters", "blocks", "block")


def define_model_flags(values: flags.FlagValues, model: str) -> None:
    """Defines them, with `model` as the default architecture."""
    flags.DEFINE_enum(
        "model", model, list(MODELS), f"one of {', '.join(MODELS)}", flag_values=values
    )
    flags.DEFINE_integer(
        "bases", 5, "K; 0 for the full-precision parent", lower_bound=0, flag_values=values
    )
    flags.DEFINE_integer("activation_bits", 1, "1, 2, 4 or 32", flag_values=values)
    flags.DEFINE_string(
        "partition",
        None,
        "v1, v2, v3, layerwise, group_s1 (AlexNet) or the blocks of each group: 1,2,1",
        flag_values=values,
    )
    flags.DEFINE_string("wiring", None, "v1 or release", flag_values=values)
    flags.DEFINE_string("skip", None, "real or quantized", flag_values=values)
    flags.DEFINE_string("shortcut", None, "binary or real", flag_values=values)
    flags.DEFINE_string("activation_scale", None, "xnor, mean or none", flag_values=values)
    flags.DEFINE_string("stem", None, "imagenet or cifar", flag_values=values)
    flags.DEFINE_string("block", None, "basic or bottleneck (resnet)", flag_values=values)
    flags.DEFINE_list("filters", None, "channels of each stage (resnets)", flag_values=values)
    flags.DEFINE_list("blocks", None, "blocks of each stage (resnet)", flag_values=values)
    flags.DEFINE_integer("seed", 0, "of the initial weights", flag_values=values)


def build_model(
    values: flags.FlagValues, input_shape: Sequence[int], classes: int, bases: int | None = None
) -> "keras.Model":
    """Builds what the flags describe.

    Args:
        values: parsed flags.
        input_shape: height, width, channels.
        classes: outputs.
        bases: instead of the flag's, if given; 0 for the full-precision parent.
    """
    from keras_groupnet import models

    bases = values.bases if bases is None else bases
    options: dict[str, Any] = {
        name: values[name].value for name in _OPTIONS if values[name].present
    }
    for name in ("filters", "blocks"):
        if name in options:
            options[name] = integers(name, options[name])
    if values.partition is not None:
        counts = "," in values.partition or values.partition.isdigit()
        options["partition"] = (
            integers("partition", values.partition.split(",")) if counts else values.partition
        )
    return getattr(models, MODELS[values.model])(
        tuple(input_shape),
        classes,
        bases or None,
        values.activation_bits,
        seed=values.seed,
        **options,
    )


def integers(name: str, texts: Sequence[str]) -> list[int]:
    """The numbers of a list flag."""
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise app.UsageError(
            f"--{name} must be whole numbers separated by commas. Received: {','.join(texts)!r}"
        ) from error
