"""`groupnet expand`: a .keras file of any model to one of a low-bit network."""

from absl import app, flags

from keras_groupnet.atomic_file import replaced
from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.model_flags import METHODS, define_activation_bits, integers
from keras_groupnet.cli.paths import model_file, output_file

USAGE = "MODEL.keras NET.keras [flags]"
_GROUP_FLAGS = ("bases", "activation_bits", "partition")


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_integer("bases", 5, "K of Group-Net", lower_bound=1, flag_values=values)
    define_activation_bits(values)
    flags.DEFINE_string(
        "partition",
        "auto",
        "auto, v1, v2, v3, layerwise or the blocks of each group: 1,2,1",
        flag_values=values,
    )
    flags.DEFINE_list(
        "keep",
        None,
        "what stays float: first, last, names of layers (* and ? stand for characters), none; "
        "if not given: first, last and depthwise convolutions",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "method",
        None,
        list(METHODS),
        f"one of {', '.join(METHODS)}, instead of bases, activation_bits and partition",
        flag_values=values,
    )
    flags.DEFINE_integer("seed", 0, "of the noise of the bases", flag_values=values)
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Expands, prints the table and saves."""
    if len(positional) != 2:
        raise app.UsageError("Expected the .keras file of a model and the .keras file to write.")
    source, target = model_file(positional[0]), output_file(positional[1], ".keras")
    given = [name for name in _GROUP_FLAGS if values[name].present]
    if values.method is not None and given:
        raise app.UsageError(f"--method={values.method} goes without --{given[0]}.")
    options = {} if values.method is None else {"method": values.method}
    if values.method is None:
        options = {"bases": values.bases, "activation_bits": values.activation_bits}
        options["partition"] = values.partition
        if "," in values.partition or values.partition.isdigit():
            options["partition"] = integers("partition", values.partition.split(","))
    if values.keep is not None:
        options["keep"] = [] if values.keep == ["none"] else values.keep
    check_imports(values)
    from keras_groupnet.expansion.expand import expand

    import_modules(values)
    net = expand(load_model(source), seed=values.seed, **options)
    with replaced(target) as unfinished:
        net.save(unfinished)
    print(f"{target}: {target.stat().st_size:,} bytes. Train it: its accuracy comes with training.")
