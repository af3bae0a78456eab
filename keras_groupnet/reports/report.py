"""`report`: one self-contained page about a model or a file."""

from __future__ import annotations

import importlib.resources
import os
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_groupnet.atomic_file import check_folder, write_atomically
from keras_groupnet.deployment.summary import summarize
from keras_groupnet.drawing.drawing import Drawing, plot
from keras_groupnet.reports import markup
from keras_groupnet.reports.accuracy import accuracy
from keras_groupnet.reports.latent_weights import latent_histograms, quantized_layers
from keras_groupnet.reports.statistics_log import read_statistics
from keras_groupnet.version import __version__

if TYPE_CHECKING:
    from keras_groupnet.reports.file_contents import FileOp


def report(
    model: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    data: Any = None,
    statistics: str | os.PathLike | None = None,
    parent: keras.Model | None = None,
    measure: bool = True,
    num_threads: int = 1,
    runs: int = 20,
    input_shape: Sequence[Any] | None = None,
) -> None:
    """Writes a page about a model, or about a `.tflite` file alone.

    The page needs nothing else: no network, no other file. It shows a drawing (`kgn.plot`), the
    layers as a table that a click on a heading sorts, measured time of each layer beside a float32
    and an int8 layer of its geometry, where the bytes of the file are, and how latent weights are
    distributed.

    Args:
        model: a built model, or the path of a `.tflite` file: ours, Larq Compute Engine's, or one
            with ordinary ops only.
        path: of the page to write, `.html`.
        data: to show the accuracy on: `(inputs, labels)`, or a `keras.utils.PyDataset` of such
            batches; labels are whole numbers.
        statistics: path of the log of a training, `statistics.csv`, to show how often binary
            weights flipped.
        parent: the same architecture in float32, to time whole nets beside each other.
        measure: whether to convert the model and time its file; needs TensorFlow as Keras' backend
            and LiteRT. Where that is not possible the page says why.
        num_threads: of the interpreter and the delegate.
        runs: timed runs of everything.
        input_shape: without the batch, for models whose inputs leave it open.

    Raises:
        ValueError: the model, the data, the log or the path does not fit.
        FileNotFoundError: there is no such file.
        ModuleNotFoundError: matplotlib is not installed (`pip install 'keras-groupnet[plot]'`).

    Example:
        `kgn.report(model, "report.html", data=(test_images, test_labels))`
    """
    target = Path(path)
    if target.suffix != ".html":
        raise ValueError(f"Expected a path that ends in .html. Received: path={str(path)!r}")
    check_folder(target)
    if runs < 1 or num_threads < 1:
        raise ValueError(
            "Expected runs and num_threads of at least 1. "
            f"Received: runs={runs}, num_threads={num_threads}"
        )
    _check_parent(parent)
    log = None if statistics is None else read_statistics(statistics)
    if isinstance(model, keras.Model):
        title = model.name
        parts = _of_model(model, data, parent, measure, num_threads, runs, input_shape)
    elif isinstance(model, str | os.PathLike):
        title = Path(model).name
        parts = _of_file(Path(model), data, measure, num_threads, runs)
    else:
        raise ValueError(
            f"Expected a Keras model or the path of a .tflite file. Received: model={model!r}"
        )
    if log is not None:
        from keras_groupnet.reports import sections

        parts.append(sections.training(log))
    write_atomically(target, _page(title, parts).encode())


def _check_parent(parent: keras.Model | None) -> None:
    if parent is None:
        return
    binary = [*quantized_layers(parent)]
    if binary:
        raise ValueError(
            "Expected `parent` to be the full-precision network, whose layers are all float. "
            f"Received: parent={parent.name!r} with the binary layers {binary[:3]}"
        )


def _of_model(model, data, parent, measure, num_threads, runs, input_shape) -> list[str]:
    from keras_groupnet.reports import sections
    from keras_groupnet.reports.measured import NotMeasured, measure_model

    # Mistakes first: measuring takes long.
    picture = sections.drawing(plot(model, input_shape=input_shape))
    summary = summarize(model, input_shape)
    shares = {}
    if data is not None:
        shares["Keras"] = accuracy(lambda x: model.predict(x, verbose=0), data)
    measured, why = None, "it was not asked for."
    if measure:
        try:
            measured = measure_model(model, parent, num_threads, runs)
        except NotMeasured as error:
            why = str(error)
    parts = [sections.totals(summary), picture, sections.layers(summary, measured)]
    if measured is None:
        parts.append(sections.not_measured(why))
    else:
        if shares:
            shares["the file"] = accuracy(_predict(measured.contents.content, num_threads), data)
        parts += [
            sections.times(measured, num_threads, runs),
            sections.ops(measured.contents, measured.ops, "Ops of the file"),
            sections.sizes(measured.contents),
        ]
    if shares:
        parts.append(sections.accuracies(shares))
    parts.append(sections.latent(latent_histograms(model)))
    return parts


def _of_file(path: Path, data, measure, num_threads, runs) -> list[str]:
    from keras_groupnet.reports import sections
    from keras_groupnet.reports.file_contents import FileContents
    from keras_groupnet.reports.file_network import file_network
    from keras_groupnet.reports.measured import NotMeasured, measure_file

    if not path.is_file():
        raise FileNotFoundError(f"Expected a .tflite file. Received: {str(path)!r}")
    content = path.read_bytes()
    contents = FileContents(content)
    picture = sections.drawing(Drawing(file_network(contents, path.name)))
    times = sections.not_measured("it was not asked for.")
    of_ops: Mapping[FileOp, float] = {}
    if measure:
        try:
            measured = measure_file(content, num_threads, runs)
        except NotMeasured as error:
            times = sections.not_measured(str(error))
        else:
            contents, of_ops = measured.contents, measured.ops
            times = sections.times(measured, num_threads, runs)
    parts = [sections.file_totals(contents), picture]
    parts += [sections.ops(contents, of_ops, "Ops"), times, sections.sizes(contents)]
    if data is not None:
        share = accuracy(_predict(content, num_threads), data)
        parts.append(sections.accuracies({"the file": share}))
    return parts


def _predict(content: bytes, num_threads: int):
    from keras_groupnet.runtime.interpreter import Interpreter

    interpreter = Interpreter(content, num_threads)
    return lambda inputs: interpreter.predict(np.asarray(inputs))


def _page(title: str, parts: Sequence[str]) -> str:
    template = importlib.resources.files(__package__).joinpath("page.html").read_text("utf-8")
    return string.Template(template).substitute(
        title=markup.escaped(title),
        content="\n".join(parts),
        footer=f"keras_groupnet {markup.escaped(__version__)}, Keras {keras.__version__}",
    )
