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
    "wide_resnet": "WideResNet",
    "vgg_small": "VGGSmall",
    "alexnet": "AlexNet",
}
_GROUP_OPTIONS = ("bases", "activation_bits", "partition")
_GROUP_CHOICES = ("wiring", "skip", "shortcut", "activation_scale")
_LISTS = ("filters", "blocks", "stages")
_OPTIONS = ("stem", "block", "depth", *_LISTS)


def define_model_flags(values: flags.FlagValues, model: str) -> None:
    """Defines them, with `model` as the default architecture."""
    flags.DEFINE_enum(
        "model", model, list(MODELS), f"one of {', '.join(MODELS)}", flag_values=values
    )
    flags.DEFINE_string(
        "method",
        None,
        "a name of keras_groupnet.methods.names() with the options of its paper (of several "
        "stages, the last), instead of the flags of Group-Net: bases, activation_bits, partition, "
        "wiring, skip, shortcut, activation_scale",
        flag_values=values,
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
    flags.DEFINE_string("wiring", None, "block_shortcut or layer_shortcut", flag_values=values)
    flags.DEFINE_string("skip", None, "float or quantized", flag_values=values)
    flags.DEFINE_string("shortcut", None, "binary or float", flag_values=values)
    flags.DEFINE_string("activation_scale", None, "xnor, mean or none", flag_values=values)
    flags.DEFINE_string("stem", None, "imagenet or cifar", flag_values=values)
    flags.DEFINE_string("block", None, "basic or bottleneck (resnet)", flag_values=values)
    flags.DEFINE_list("filters", None, "channels of each stage (resnets)", flag_values=values)
    flags.DEFINE_list("blocks", None, "blocks of each stage (resnet)", flag_values=values)
    flags.DEFINE_list(
        "stages", None, "channels of stem and stages (wide_resnet)", flag_values=values
    )
    flags.DEFINE_integer("depth", None, "22, 40, ... (wide_resnet)", flag_values=values)
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

    options: dict[str, Any] = {
        name: values[name].value for name in _OPTIONS if values[name].present
    }
    for name in _LISTS:
        if name in options:
            options[name] = integers(name, options[name])
    if bases is None and values.method is not None:
        options["method"] = values.method
        given = [name for name in (*_GROUP_OPTIONS, *_GROUP_CHOICES) if values[name].present]
        if given:
            raise app.UsageError(
                f"--method goes without the flags of Group-Net. Received: --{given[0]}"
            )
    else:
        options |= _group_options(values, values.bases if bases is None else bases)
    return getattr(models, MODELS[values.model])(
        tuple(input_shape), classes, seed=values.seed, **options
    )


def _group_options(values: flags.FlagValues, bases: int) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: values[name].value for name in _GROUP_CHOICES if values[name].present
    }
    if values.partition is not None:
        counts = "," in values.partition or values.partition.isdigit()
        options["partition"] = (
            integers("partition", values.partition.split(",")) if counts else values.partition
        )
    return options | {"bases": bases or None, "activation_bits": values.activation_bits}


def has_stem(model: str) -> bool:
    """Whether the architecture has the argument `stem`; the others are for small images."""
    return model not in ("wide_resnet", "vgg_small")


def integers(name: str, texts: Sequence[str]) -> list[int]:
    """The numbers of a list flag."""
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise app.UsageError(
            f"--{name} must be whole numbers separated by commas. Received: {','.join(texts)!r}"
        ) from error
