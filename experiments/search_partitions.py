"""Searches a partition and compares it with v1, v2 and v3 at the same cost.

    python -m experiments.search_partitions --work WORK --docs docs/search.md

The network is a small residual one. The limit of the search is the dearest of v1, v2 and v3 with
`--same_bases` bases in each group (Eq. 4). The search sees the training images only, a part of
which it keeps for validation; then the candidate that it chose, v1, v2 and v3 train on all of them,
longer and with several seeds, and the last epoch's accuracy on the test images counts.

WORK keeps everything: the same command goes on after a kill.
"""

import json
import time
from pathlib import Path

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn
from keras_groupnet.tuning import cost_function, count_blocks

FLAGS = flags.FLAGS
flags.DEFINE_enum("data", "digits", ["digits", "fashion_mnist"], "Data set.")
flags.DEFINE_string("folder", None, "Folder of its files.")
flags.DEFINE_string("work", None, "Folder for the search and the results.", required=True)
flags.DEFINE_integer("images", None, "Use only so many training images.", 1)
flags.DEFINE_list("blocks", ["2", "2"], "Blocks of each stage.")
flags.DEFINE_list("filters", ["8", "16"], "Channels of each stage.")
flags.DEFINE_list("bases", ["1", "2", "3", "4"], "Bases to choose from.")
flags.DEFINE_list("bits", ["1"], "Bits of activations to choose from.")
flags.DEFINE_integer("same_bases", 2, "Bases of v1, v2 and v3.", 1)
flags.DEFINE_enum("tuner", "random", list(kgn.tuning.TUNERS), "See kgn.search.")
flags.DEFINE_integer("trials", 12, "Of the search.", 1)
flags.DEFINE_integer("search_epochs", 8, "Of a trial.", 1)
flags.DEFINE_integer("epochs", 20, "Of the comparison.", 1)
flags.DEFINE_list("seeds", ["0", "1", "2"], "Of the comparison.")
flags.DEFINE_float("validation", 0.4, "Share of training images to select by.", 0.01, 0.99)
flags.DEFINE_string("docs", None, "Markdown file whose section of this comparison to replace.")
_BATCH = 64


def main(_):
    """Searches, compares, reports."""
    data = kgn.datasets.load(FLAGS.data, FLAGS.folder)
    train = data.train_x[: FLAGS.images], data.train_y[: FLAGS.images]
    shape = train[0].shape[1:]

    def build(method, seed=0):
        return kgn.models.ResNet(
            shape,
            data.classes,
            method=method,
            blocks=list(map(int, FLAGS.blocks)),
            filters=list(map(int, FLAGS.filters)),
            stem="cifar",
            seed=seed,
        )

    operations = cost_function("operations")
    fixed = {
        f"{name}, K={FLAGS.same_bases}": kgn.methods.GroupNet(
            bases=FLAGS.same_bases, activation_bits=min(map(int, FLAGS.bits)), partition=name
        )
        for name in ("v1", "v2", "v3")
    }
    kept = round(len(train[0]) * (1 - FLAGS.validation))
    start = time.perf_counter()
    result = kgn.search(
        build,
        (train[0][:kept], train[1][:kept]),
        (train[0][kept:], train[1][kept:]),
        folder=Path(FLAGS.work) / "search",
        bases=list(map(int, FLAGS.bases)),
        activation_bits=list(map(int, FLAGS.bits)),
        trials=FLAGS.trials,
        epochs=FLAGS.search_epochs,
        tuner=FLAGS.tuner,
        limit=max(operations(build(method)) for method in fixed.values()),
        compile_model=lambda model: compile_model(model, 2e-3),
        batch_size=_BATCH,
    )
    result.plot(Path(FLAGS.work) / "pareto.svg")
    print(result, f"{time.perf_counter() - start:.0f} s", flush=True)
    best = result.best
    groups = zip(best.partition, best.bases, best.activation_bits, strict=True)
    name = "found: " + ", ".join(f"{n} blocks K={k} {b} bit" for n, k, b in groups)
    rows = [
        {
            "name": name,
            "cost": operations(build(method)),
            "accuracies": [accuracy(build, method, train, data, int(seed)) for seed in FLAGS.seeds],
        }
        for name, method in {name: best, **fixed}.items()
    ]
    report = table(rows, count_blocks(build))
    print(report)
    Path(FLAGS.work, "results.md").write_text(report)
    if FLAGS.docs:
        insert(Path(FLAGS.docs), report)


def compile_model(model, rate):
    """Compiles without XLA, whose compilation takes longer than these trainings."""
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=keras.backend.backend() == "jax",
    )


def accuracy(build, method, train, data, seed):
    """The test accuracy of one training; what has been trained before is read."""
    key = f"{method.partition} {method.bases} {method.activation_bits} {FLAGS.epochs} {seed}"
    path = Path(FLAGS.work) / "comparison.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if key not in known:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        model = build(method, seed)
        steps = FLAGS.epochs * -(-len(train[0]) // _BATCH)
        compile_model(model, keras.optimizers.schedules.CosineDecay(2e-3, steps))
        model.fit(*train, epochs=FLAGS.epochs, batch_size=_BATCH, verbose=0)
        known[key] = model.evaluate(data.test_x, data.test_y, verbose=0, return_dict=True)[
            "accuracy"
        ]
        path.write_text(json.dumps(known, indent=1))
        print(f"{key}: {known[key]:.4f}", flush=True)
    return known[key]


def table(rows, blocks):
    """The comparison as Markdown."""
    lines = [
        f"{FLAGS.data}, {sum(blocks)} blocks, {FLAGS.tuner} search of {FLAGS.trials} trials of "
        f"{FLAGS.search_epochs} epochs, {FLAGS.validation:.0%} of the training images for "
        f"validation; comparison: {FLAGS.epochs} epochs, "
        f"{len(FLAGS.seeds)} seeds, mean ± half the distance between the best and the worst.",
        "",
        "| groups | float operations (Eq. 4) | test accuracy, % |",
        "|---|---:|---:|",
    ]
    for row in rows:
        values = 100 * np.array(row["accuracies"])
        spread = (values.max() - values.min()) / 2
        lines.append(f"| {row['name']} | {row['cost']:,.0f} | {values.mean():.2f} ± {spread:.2f} |")
    return "\n".join(lines) + "\n"


def insert(path, report):
    """Puts the report between its two comments."""
    begin, end = "<!-- begin search -->", "<!-- end search -->"
    head, _, rest = path.read_text().partition(begin)
    tail = rest.partition(end)[2]
    path.write_text(f"{head}{begin}\n{report}{end}{tail}")


if __name__ == "__main__":
    app.run(main)
