"""Trains a list of methods under one recipe on one data set and compares them.

    python -m experiments.compare_methods --data fashion_mnist --folder FOLDER --work WORK \
        --methods "full_precision group_net:bases=3,partition=v2 rbcn" --seeds 0,1 --epochs 8

A method is a name of `kgn.methods.names()` with options of its own after a colon. All get the same
narrow ResNet-18, data, optimizer and number of epochs, and the last epoch's test accuracy counts.
Methods with several stages share these epochs (`training.share_epochs`), those with a
teacher learn from the full-precision run of the same seed, which is trained first.

WORK keeps everything: run the same command again after a kill, with more methods or seeds, or twice
at the same time (`taskset -c 0 ... & taskset -c 1 ...` is the most efficient on two cores). It gets
`results.csv`, `results.md` and `results.png`; `--docs docs/results.md` puts the table there too.
"""

from pathlib import Path

from absl import app, flags

from experiments.report import write_report
from experiments.runs import Run, Settings, finish_runs

DEFAULT_METHODS = (
    "full_precision group_net:bases=1 group_net:bases=3 group_net:bases=5 "
    "group_net:bases=3,partition=v2 group_net:bases=3,partition=v3 "
    "group_net:bases=3,partition=layerwise group_net:bases=3,activation_bits=2 bnn xnor_net dorefa "
    "hwgq syq abc_net bi_real el_net apprentice pcnn pcnn:projections=1 rbcn "
    "rbcn:adversarial=False mcn mcn_1"
)

FLAGS = flags.FLAGS
flags.DEFINE_enum("data", "digits", ["digits", "fashion_mnist", "cifar10", "cifar100"], "Data set.")
flags.DEFINE_string("folder", None, "Folder of its files.")
flags.DEFINE_string("work", None, "Folder for checkpoints and results.", required=True)
flags.DEFINE_spaceseplist("methods", DEFAULT_METHODS, "Methods, separated by spaces.")
flags.DEFINE_list("seeds", ["0"], "Of initial weights and order of the data.")
flags.DEFINE_integer("epochs", 8, "Epochs of a run.", 1)
flags.DEFINE_list("stages", ["16", "16", "32", "64"], "Channels; each stage has two blocks.")
flags.DEFINE_integer("images", None, "Use only so many training images, the same in all runs.", 1)
flags.DEFINE_integer("shrink", 1, "Replace squares of so many pixels by their mean.", 1)
flags.DEFINE_integer("crop", 0, "Augment by crops moved by up to so many pixels.", 0)
flags.DEFINE_bool("flip", False, "Augment by mirrored images.")
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "SGD has momentum 0.9, L2 1e-4.")
flags.DEFINE_float("learning_rate", 2e-3, "At the start; it falls to 0 along a cosine.")
flags.DEFINE_integer("batch_size", 128, "Images in a batch.", 1)
flags.DEFINE_bool("convert", False, "Convert the trained nets and run the files on the test set.")
flags.DEFINE_bool("retry_failed", False, "Try the runs again that failed before.")
flags.DEFINE_bool("report_only", False, "Only write the report of the runs that have finished.")
flags.DEFINE_string("docs", None, "Markdown file whose section of this comparison to replace.")


def main(_):
    """Trains what is missing, then reports."""
    settings = Settings(
        data=FLAGS.data,
        epochs=FLAGS.epochs,
        stages=tuple(map(int, FLAGS.stages)),
        images=FLAGS.images,
        shrink=FLAGS.shrink,
        crop=FLAGS.crop,
        flip=FLAGS.flip,
        optimizer=FLAGS.optimizer,
        learning_rate=FLAGS.learning_rate,
        batch_size=FLAGS.batch_size,
    )
    work = Path(FLAGS.work)
    settings.check(work)
    runs = [Run(work, method, int(seed)) for seed in FLAGS.seeds for method in FLAGS.methods]
    if not FLAGS.report_only:
        for finished in finish_runs(
            runs, settings, FLAGS.folder, FLAGS.convert, FLAGS.retry_failed
        ):
            write_report(work, settings)
            print(finished, flush=True)
    table = write_report(work, settings, Path(FLAGS.docs) if FLAGS.docs else None)
    print(table)


if __name__ == "__main__":
    app.run(main)
