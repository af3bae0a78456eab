"""Estimated against measured milliseconds of whole nets (docs/cost_model.md).

    python -m experiments.cost_model_error [--profile=profile.json] [--only=resnet18]

Each net has random weights and is converted; then they run one after the other, on one thread, in
some rounds, so that a busy minute of the machine does not hit one of them alone. The fastest run
counts.
"""

import time
from collections.abc import Callable
from typing import Any

from absl import app, flags
from rich.console import Console
from rich.table import Table

import keras_groupnet as kgn
from keras_groupnet.bench.benchmark import prepared
from keras_groupnet.deployment import CostModel, summarize

FLAGS = flags.FLAGS
flags.DEFINE_string("profile", None, "path or name of the profile; None for what fits the machine")
flags.DEFINE_list("only", [], "parts of the names of the nets to look at")
flags.DEFINE_float("seconds", 0.3, "to time each net in each round", lower_bound=0.0)
flags.DEFINE_integer("rounds", 5, "of timing", lower_bound=1)
flags.DEFINE_string("instruction_set", None, "that our ops may use at most, e.g. avx2")
flags.DEFINE_bool("markdown", False, "print the table as Markdown")

_LARGE, _SMALL = (224, 224, 3), (32, 32, 3)
_FEWEST_RUNS = 3


def nets() -> dict[str, Callable[[], Any]]:
    """Name -> what builds the net."""
    models = kgn.models
    found: dict[str, Callable[[], Any]] = {}
    for bases in (1, 3, 5):
        for bits in (1, 2, 4):
            what = f"K={bases} W1A{bits}"
            found[f"ResNet-18 224 {what}"] = lambda k=bases, b=bits: models.ResNet18(
                _LARGE, 1000, k, b
            )
            found[f"ResNet-18 32 {what}"] = lambda k=bases, b=bits: models.ResNet18(
                _SMALL, 10, k, b, stem="cifar"
            )
    for bases in (1, 5, None):
        what = "float" if bases is None else f"K={bases} W1A1"
        found[f"VGGSmall 32 {what}"] = lambda k=bases: models.VGGSmall(_SMALL, 10, k)
        found[f"AlexNet 224 {what}"] = lambda k=bases: models.AlexNet(_LARGE, 1000, k)
    found["ResNet-18 224 float"] = lambda: models.ResNet18(_LARGE, 1000, None)
    found["ResNet-18 32 float"] = lambda: models.ResNet18(_SMALL, 10, None, stem="cifar")
    found["ResNet-50 224 K=5 W1A1"] = lambda: models.ResNet50(_LARGE, 1000, 5)
    found["ResNet-50 224 float"] = lambda: models.ResNet50(_LARGE, 1000, None)
    for bases in (3, None):  # those of `groupnet demo`
        what = "float" if bases is None else f"K={bases} W1A1"
        found[f"demo, digits 8 {what}"] = lambda k=bases: models.ResNet(
            (8, 8, 1), 10, k, stem="cifar", blocks=(1, 1), filters=(32, 64)
        )
        found[f"demo, large 32 {what}"] = lambda k=bases: models.ResNet(
            _SMALL, 10, k, stem="cifar", blocks=(2, 2), filters=(128, 256)
        )
    return found


def fastest_milliseconds(content: bytes) -> float:
    """Of one run: time of the one thread that computes, so that other processes do not count."""
    options = {} if FLAGS.instruction_set is None else {"kernel": FLAGS.instruction_set}
    interpreter = prepared(content, delegate_options=options)
    interpreter.invoke()
    fastest, runs, end = float("inf"), 0, time.perf_counter() + FLAGS.seconds
    while runs < _FEWEST_RUNS or time.perf_counter() < end:
        start = time.thread_time()
        interpreter.invoke()
        fastest = min(fastest, time.thread_time() - start)
        runs += 1
    return 1e3 * fastest


def main(_: list[str]) -> None:
    """Prints a row for each net and the largest error."""
    prices = CostModel.load(FLAGS.profile)
    console = Console(highlight=False)
    estimates, contents = {}, {}
    for name, build in nets().items():
        if FLAGS.only and not any(part.lower() in name.lower() for part in FLAGS.only):
            continue
        model = build()
        estimates[name] = summarize(model, profile=prices).milliseconds
        # What is asked is how long it takes, not what it answers: `verify` is for that.
        contents[name] = kgn.convert(model, batch_size=1, strict=False).content
        console.print(f"{name}: {estimates[name]:.3f} ms estimated")
    if not estimates:
        raise app.UsageError(f"--only={','.join(FLAGS.only)}: no such net.")
    measured = dict.fromkeys(contents, float("inf"))
    for number in range(FLAGS.rounds):
        console.print(f"round {number + 1} of {FLAGS.rounds}")
        for name, content in contents.items():
            measured[name] = min(measured[name], fastest_milliseconds(content))
    errors = {name: estimates[name] / measured[name] - 1 for name in estimates}
    heads = ("net", "estimated ms", "measured ms", "error")
    rows = [
        (name, f"{estimates[name]:.3f}", f"{measured[name]:.3f}", f"{error:+.1%}")
        for name, error in errors.items()
    ]
    if FLAGS.markdown:
        lines = [heads, ("---", "---:", "---:", "---:"), *rows]
        console.print("\n".join(f"| {' | '.join(line)} |" for line in lines), soft_wrap=True)
    else:
        table = Table(title=repr(prices))
        for head in heads:
            table.add_column(head, justify="left" if head == "net" else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    mean = sum(map(abs, errors.values())) / len(errors)
    largest = max(errors, key=lambda name: abs(errors[name]))
    console.print(f"largest error {errors[largest]:+.1%} ({largest}), mean size {mean:.1%}")


if __name__ == "__main__":
    app.run(main)
