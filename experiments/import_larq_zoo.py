r"""Imports the models of larq-zoo (random weights), converts them, and times them beside Larq's.

    PYTHON experiments/larq_zoo_models.py FOLDER           (PYTHON: see that file)
    python -m experiments.import_larq_zoo --folder=FOLDER [--only=QuickNet] \
        [--larq_python=PYTHON --runs=50]

Prints a Markdown row for each model: the largest difference between the outputs of the imported
model and of the original, both in float64, as a share of the largest output (in float32 some of the
millions of signs turn with the order of sums); whether strict conversion took it; the largest
difference between the file and the imported model, as a share, too; megabytes; and the fastest of
the runs in milliseconds, one thread, interleaved: ours, Larq's file in Larq's own interpreter,
Larq's file through our delegate. Results and files stay in FOLDER, so that the timing can be
repeated alone.
"""

import json
import subprocess
from pathlib import Path

import keras
import numpy as np
from absl import app, flags

import keras_groupnet as kgn
from keras_groupnet.atomic_file import write_atomically
from keras_groupnet.bench.benchmark import interleave, prepared
from keras_groupnet.interop.graph import build
from keras_groupnet.interop.sources import read
from keras_groupnet.interop.weights import assign

FLAGS = flags.FLAGS
flags.DEFINE_string("folder", None, "Of the files that larq_zoo_models.py wrote.", required=True)
flags.DEFINE_list("only", None, "Names of models; all if not given.")
flags.DEFINE_string("larq_python", None, "Python that has larq-compute-engine, for its times.")
flags.DEFINE_integer("runs", 0, "Timed runs of each file; 0 for no times.")

SERVER = Path(__file__).with_name("lce_server.py")


def imported(folder: Path, name: str) -> dict:
    """Imports and converts a model, or reads what that gave before."""
    results = folder / f"{name}.json"
    if results.exists():
        return json.loads(results.read_text())
    images = np.load(folder / f"{name}.npy")
    row = {"import": in_float64(folder, name, images)}
    model = kgn.interop.from_larq(folder / f"{name}.h5")
    try:
        converted = kgn.convert(model, inputs=images)
        row["strict"] = "yes"
    except (kgn.lite.ConversionError, ValueError) as error:
        row["strict"] = f"no: {error}"
        converted = kgn.convert(model, inputs=images, strict=False)
    content = converted.content
    row["binary"] = sum(layer.status == "binary" for layer in converted.report.layers)
    expected = model.predict(images, verbose=0)
    answers = kgn.lite.Interpreter(content).predict(images)
    row["file"] = share(answers, expected)
    row["top-1"] = int(np.sum(answers.argmax(-1) == expected.argmax(-1)))
    row["images"] = len(images)
    row["MB"] = len(content) / 1e6
    write_atomically(folder / f"{name}_keras_groupnet.tflite", content)
    write_atomically(results, json.dumps(row).encode())
    return row


def in_float64(folder: Path, name: str, images: np.ndarray) -> float:
    """The difference between the imported model and the original."""
    source = read(folder / f"{name}.h5")
    config = json.loads(json.dumps(source.config).replace('"float32"', '"float64"'))
    keras.config.set_dtype_policy("float64")
    built = build(source.class_name, config, {})
    for layer, holder in built.holders.items():
        assign(layer, holder, source.weights[layer])
    outputs = built.model(images.astype("float64"), training=False)
    keras.config.set_dtype_policy("float32")
    return share(np.asarray(outputs), np.load(folder / f"{name}_float64.npy"))


def share(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference over the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def times(folder: Path, name: str) -> list[str]:
    """Milliseconds: ours, Larq's interpreter, Larq's file through our delegate."""
    larq = folder / f"{name}.tflite"
    candidates = {"ours": prepared((folder / f"{name}_keras_groupnet.tflite").read_bytes()).invoke}
    server, seconds = None, []
    if larq.exists():
        candidates["delegate"] = prepared(larq.read_bytes()).invoke
    if larq.exists() and FLAGS.larq_python:
        server = subprocess.Popen(
            [FLAGS.larq_python, str(SERVER), str(larq)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        server.stdout.readline()

        def ask():
            server.stdin.write("\n")
            server.stdin.flush()
            seconds.append(float(server.stdout.readline()))

        candidates["larq"] = ask
    measured = interleave(candidates, FLAGS.runs)
    if server is not None:
        server.stdin.close()
        server.wait()
        measured["larq"] = seconds
    return [
        f"{1e3 * min(measured[key]):.2f}" if key in measured else "–"
        for key in ("ours", "larq", "delegate")
    ]


def main(_):
    """Prints the table."""
    folder = Path(FLAGS.folder)
    titles = ["model", "import", "strict", "binary layers", "file", "top-1", "MB", "MB (Larq)"]
    if FLAGS.runs:
        titles += ["ms", "ms (Larq)", "ms (Larq's file, our delegate)"]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    for name in FLAGS.only or sorted(path.stem for path in folder.glob("*.h5")):
        keras.utils.clear_session()
        row = imported(folder, name)
        larq = folder / f"{name}.tflite"
        cells = [name, f"{row['import']:.1e}", row["strict"], str(row["binary"])]
        cells.append(f"{row['file']:.1e}")
        cells += [f"{row['top-1']}/{row['images']}", f"{row['MB']:.2f}"]
        cells.append(f"{larq.stat().st_size / 1e6:.2f}" if larq.exists() else "–")
        if FLAGS.runs:
            cells += times(folder, name)
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    app.run(main)
