"""`groupnet search`: searches the partition of a model of the zoo, its bases and bits."""

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import app, flags

from keras_groupnet.cli.data_flags import check_data_flags, define_data_flags, load_data
from keras_groupnet.cli.loading import (
    check_imports,
    define_import_flag,
    import_modules,
    load_model,
)
from keras_groupnet.cli.model_flags import (
    ACTIVATION_BITS,
    build_model,
    check_model_flags,
    define_model_flags,
    has_stem,
    integers,
)
from keras_groupnet.cli.paths import model_file, output_folder

if TYPE_CHECKING:
    import keras

    from keras_groupnet.methods import Method
    from keras_groupnet.tuning import SearchResult

USAGE = """FOLDER [flags]

For instance: groupnet search found --model resnet --blocks 2,2 --filters 8,16 --search_bases 1,2,3
The same command goes on where a killed search stopped; with more --trials, one that has ended."""
_SMALL_IMAGE = 64  # below, the stem of ImageNet would leave next to nothing
# Known here as well, so that a typo is answered without importing Keras; tests compare them.
TUNERS = ("random", "bayesian", "hyperband", "evolution")
COSTS = ("bytes", "operations", "milliseconds")


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags of the command."""
    define_model_flags(values, "resnet18")
    define_data_flags(values, "digits")
    flags.DEFINE_list("search_bases", ["1", "3", "5"], "bases to choose from", flag_values=values)
    flags.DEFINE_list(
        "search_bits", ["1"], "bits of activations to choose from: 1, 2, 4, 32", flag_values=values
    )
    flags.DEFINE_integer("trials", 20, "candidates to train", 1, flag_values=values)
    flags.DEFINE_integer("epochs", 5, "of a trial", 1, flag_values=values)
    flags.DEFINE_integer("batch_size", 64, "images in a batch", 1, flag_values=values)
    flags.DEFINE_enum("tuner", "random", list(TUNERS), ", ".join(TUNERS), flag_values=values)
    flags.DEFINE_enum(
        "cost",
        "operations",
        list(COSTS),
        "bytes of the file, operations (Eq. 4 of the paper) or milliseconds (estimated)",
        flag_values=values,
    )
    flags.DEFINE_float("limit", None, "of the cost: none above it is trained", flag_values=values)
    flags.DEFINE_float(
        "price", 0.0, "accuracy that twice the cost must bring, such as 0.01", flag_values=values
    )
    flags.DEFINE_string(
        "parent", None, ".keras file of the full-precision parent to start from", flag_values=values
    )
    define_import_flag(values)


def main(values: flags.FlagValues, positional: list[str]) -> None:
    """Searches and writes tables and a plot."""
    if len(positional) != 1:
        raise app.UsageError("Expected the folder to write to.")
    folder = output_folder(positional[0])
    parent_file = model_file(values.parent) if values.parent else None
    for name in ("method", "bases", "activation_bits", "partition"):
        if values[name].present:
            raise app.UsageError(
                f"--{name} is what is searched. Leave it out; --search_bases and --search_bits say "
                "what to choose from."
            )
    bases = integers("search_bases", values.search_bases)
    bits = integers("search_bits", values.search_bits)
    if min(bases) < 1 or not set(bits) <= set(ACTIVATION_BITS):
        raise app.UsageError(
            "--search_bases must be at least 1, --search_bits some of 1, 2, 4 and 32. Received: "
            f"{','.join(values.search_bases)} and {','.join(values.search_bits)}."
        )
    check_imports(values)
    check_data_flags(values)
    check_model_flags(values)

    from keras_groupnet.cli.model_flags import CHOICES
    from keras_groupnet.tuning import search

    import_modules(values)
    parent = load_model(parent_file) if parent_file else None
    data = load_data(values, values.batch_size, values.seed)
    shape = data.test[0][0].shape[1:]
    if has_stem(values.model) and not values["stem"].present and max(shape[:2]) < _SMALL_IMAGE:
        values["stem"].value, values["stem"].present = "cifar", 1

    def build(method: "Method") -> "keras.Model":
        return build_model(values, shape, data.classes, method)

    options: dict[str, Any] = {name: values[name].value for name in CHOICES if values[name].present}
    result = search(
        build,
        data.train,
        data.test,
        folder=folder / "search",
        bases=bases,
        activation_bits=bits,
        trials=values.trials,
        epochs=values.epochs,
        tuner=values.tuner,
        cost=values.cost,
        limit=values.limit,
        price=values.price,
        parent=parent,
        seed=values.seed,
        **options,
    )
    _write(folder, result)
    print(result)
    best = result.best_trial.record()
    train = " ".join(
        f"--{name}={','.join(map(str, best[name]))}"
        for name in ("partition", "bases", "activation_bits")
    )
    print(
        f"Best: methods.GroupNet(bases={tuple(best['bases'])}, "
        f"activation_bits={tuple(best['activation_bits'])}, "
        f"partition={tuple(best['partition'])}); groupnet train {train}. "
        f"All trials: {folder / 'trials.csv'}; Pareto front: {folder / 'pareto.json'}, "
        f"{folder / 'pareto.svg'}."
    )


def _write(folder: Path, result: "SearchResult") -> None:
    """Writes each file under another name first: a kill leaves the old one."""
    records = result.records()
    trials, front, plot = (
        folder / f"unfinished.{name}" for name in ("trials.csv", "pareto.json", "pareto.svg")
    )
    with trials.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        for record in records:
            writer.writerow(
                {k: " ".join(map(str, v)) if isinstance(v, list) else v for k, v in record.items()}
            )
    front.write_text(json.dumps(result.records(result.pareto), indent=1))
    result.plot(plot)
    for path in (trials, front, plot):
        os.replace(path, path.with_name(path.name.removeprefix("unfinished.")))
