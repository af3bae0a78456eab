"""Flags that describe a model of the zoo."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import app, flags

if TYPE_CHECKING:
    import keras

    from keras_groupnet.methods import Method

MODELS = {
    "resnet": "ResNet",
    "resnet18": "ResNet18",
    "resnet34": "ResNet34",
    "resnet50": "ResNet50",
    "wide_resnet": "WideResNet",
    "vgg_small": "VGGSmall",
    "alexnet": "AlexNet",
}
# Known here as well, so that a typo is answered without importing Keras; tests compare them.
METHODS = (
    "full_precision",
    "group_net",
    "bnn",
    "xnor_net",
    "dorefa",
    "hwgq",
    "syq",
    "abc_net",
    "bi_real",
    "el_net",
    "apprentice",
    "pcnn",
    "rbcn",
    "mcn",
    "mcn_1",
    "react_net",
    "real_to_binary",
    "lsq",
    "pact",
)
ACTIVATION_BITS = (1, 2, 4, 32)
CHOICES = {
    "wiring": ("block_shortcut", "layer_shortcut"),
    "skip": ("float", "quantized"),
    "shortcut": ("binary", "float"),
    "activation_scale": ("xnor", "mean", "none"),
}
_GROUP_OPTIONS = ("bases", "activation_bits", "partition")
_LISTS = ("filters", "blocks", "stages")
_OPTIONS = ("stem", "block", "depth", *_LISTS)


def define_model_flags(values: flags.FlagValues, model: str) -> None:
    """Defines them, with `model` as the default architecture."""
    flags.DEFINE_enum(
        "model", model, list(MODELS), f"one of {', '.join(MODELS)}", flag_values=values
    )
    flags.DEFINE_enum(
        "method",
        None,
        list(METHODS),
        f"one of {', '.join(METHODS)}, with the options of its paper, instead of the flags of "
        "Group-Net: bases, activation_bits, partition, wiring, skip, shortcut, activation_scale",
        flag_values=values,
    )
    flags.DEFINE_list(
        "bases",
        ["5"],
        "K, or one for each group: 3,1,2; 0 for the full-precision parent",
        flag_values=values,
    )
    flags.DEFINE_list(
        "activation_bits",
        ["1"],
        "1, 2, 4 or 32, or one of these for each group: 1,2,1",
        flag_values=values,
    )
    flags.DEFINE_string(
        "partition",
        None,
        "v1, v2, v3, layerwise, group_s1 (AlexNet) or the blocks of each group: 1,2,1",
        flag_values=values,
    )
    for name, choices in CHOICES.items():
        flags.DEFINE_enum(name, None, list(choices), " or ".join(choices), flag_values=values)
    flags.DEFINE_enum("stem", None, ["imagenet", "cifar"], "imagenet or cifar", flag_values=values)
    flags.DEFINE_enum(
        "block",
        None,
        ["basic", "bottleneck"],
        "basic or bottleneck (resnet)",
        flag_values=values,
    )
    flags.DEFINE_list("filters", None, "channels of each stage (resnets)", flag_values=values)
    flags.DEFINE_list("blocks", None, "blocks of each stage (resnet)", flag_values=values)
    flags.DEFINE_list(
        "stages", None, "channels of stem and stages (wide_resnet)", flag_values=values
    )
    flags.DEFINE_integer("depth", None, "22, 40, ... (wide_resnet)", flag_values=values)
    flags.DEFINE_integer("seed", 0, "of the initial weights", flag_values=values)


def define_activation_bits(values: flags.FlagValues) -> None:
    """Defines `--activation_bits`, one number for all groups."""
    flags.DEFINE_integer("activation_bits", 1, "1, 2, 4 or 32", flag_values=values)
    flags.register_validator(
        "activation_bits",
        lambda bits: bits in ACTIVATION_BITS,
        "must be 1, 2, 4 or 32.",
        flag_values=values,
    )


def check_model_flags(values: flags.FlagValues) -> None:
    """Raises absl.app.UsageError for what can be known to be wrong without Keras."""
    given = [name for name in (*_GROUP_OPTIONS, *CHOICES) if values[name].present]
    if values.method is not None and given:
        raise app.UsageError(
            f"--method={values.method} goes without the flags of Group-Net. Leave out one of them. "
            f"Received: --{given[0]}."
        )
    for name in _LISTS:
        integers(name, values[name].value or [])
    bases = group_numbers("bases", values.bases)
    if bases != 0 and min(bases if isinstance(bases, list) else [bases]) < 1:
        raise app.UsageError(
            "--bases must be at least 1, one number or one for each group, or 0 for the "
            f"full-precision parent. Received: {','.join(values.bases)!r}."
        )
    bits = group_numbers("activation_bits", values.activation_bits)
    if not set(bits if isinstance(bits, list) else [bits]) <= set(ACTIVATION_BITS):
        raise app.UsageError(
            "--activation_bits must be 1, 2, 4 or 32, one number or one for each group. "
            f"Received: {','.join(values.activation_bits)!r}."
        )


def build_model(
    values: flags.FlagValues,
    input_shape: Sequence[int],
    classes: int,
    method: "str | Method | None" = None,
) -> "keras.Model":
    """Builds what the flags describe.

    Args:
        values: parsed flags.
        input_shape: height, width, channels.
        classes: outputs.
        method: instead of that of the flags, if given.

    Raises:
        absl.app.UsageError: if there is no such model.
    """
    from keras_groupnet import models

    options: dict[str, Any] = {
        name: values[name].value for name in _OPTIONS if values[name].present
    }
    for name in _LISTS:
        if name in options:
            options[name] = integers(name, options[name])
    method = method or values.method
    if method is not None:
        options["method"] = method
    else:
        options |= _group_options(values)
    try:
        return getattr(models, MODELS[values.model])(
            tuple(input_shape), classes, seed=values.seed, **options
        )
    except (TypeError, ValueError) as error:
        raise app.UsageError(f"There is no such {MODELS[values.model]}: {error}.") from error


def flags_method(values: flags.FlagValues) -> "Method":
    """The method that the flags describe.

    Raises:
        absl.app.UsageError: if there is no such method.
    """
    from keras_groupnet import methods

    if values.method is not None:
        return methods.get(values.method)
    if group_numbers("bases", values.bases) == 0:
        return methods.FullPrecision()
    options = _group_options(values)
    if values.model == "alexnet" and options.get("partition") == "group_s1":
        options["partition"] = "v1"  # as `models.AlexNet` calls it
    try:
        return methods.GroupNet(**options)
    except (TypeError, ValueError) as error:
        raise app.UsageError(f"There is no such Group-Net: {error}.") from error


def _group_options(values: flags.FlagValues) -> dict[str, Any]:
    options: dict[str, Any] = {name: values[name].value for name in CHOICES if values[name].present}
    if values.partition is not None:
        counts = "," in values.partition or values.partition.isdigit()
        options["partition"] = (
            integers("partition", values.partition.split(",")) if counts else values.partition
        )
    return options | {
        "bases": group_numbers("bases", values.bases) or None,
        "activation_bits": group_numbers("activation_bits", values.activation_bits),
    }


def group_numbers(name: str, texts: Sequence[str]) -> int | list[int]:
    """The number of a flag, or those of each group."""
    numbers = integers(name, texts)
    if not numbers:
        raise app.UsageError(f"--{name} needs a number, or one for each group.")
    return numbers[0] if len(numbers) == 1 else numbers


def has_stem(model: str) -> bool:
    """Whether the architecture has the argument `stem`; the others are for small images."""
    return model not in ("wide_resnet", "vgg_small")


def integers(name: str, texts: Sequence[str]) -> list[int]:
    """The numbers of a list flag."""
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise app.UsageError(
            f"--{name} must be whole numbers separated by commas. Received: {','.join(texts)!r}."
        ) from error
