"""`verify`: does a file compute what a Keras model computes? Layer by layer.

1. The kernels and options of each binary op are those of its layer (`describe`).
2. Each op, on the inputs that it really gets, gives what its options say of the sums that the
   Keras layer has on these inputs: bit for bit where activations are packed.
3. What stands between two quantizers in the model (batch norm, scales, skips, sums) is what was
   folded into the ops: on the inputs it really gets, and on random sums over all of their range
   (`random_sums`), so that channels count, too, which these inputs leave silent.
4. Quantized values are Keras', but within rounding of a threshold; those are counted.
5. The outputs are Keras', in its order.

A file with int8 float layers is compared with the float32 file that is checked so (`int8_verify`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_groupnet.conversion.checks.check_constants import compare_constants
from keras_groupnet.conversion.checks.check_values import ValueCheck
from keras_groupnet.conversion.checks.errors import RUNS, Errors, WithErrors
from keras_groupnet.conversion.checks.file_ops import FileOps
from keras_groupnet.conversion.checks.inputs import checked_inputs, structured
from keras_groupnet.conversion.checks.int8_verify import has_integers, int8_problems
from keras_groupnet.conversion.checks.probe import invoke
from keras_groupnet.conversion.checks.problems import Problem, VerifyReport
from keras_groupnet.conversion.checks.random_sums import compare_on_random_sums
from keras_groupnet.conversion.checks.replay import replay
from keras_groupnet.conversion.export.tracing import model_structure
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.float32 import float32_graph
from keras_groupnet.conversion.layers_in_file import int8_layers, layers_by_tensor
from keras_groupnet.conversion.report import OutputComparison
from keras_groupnet.runtime.interpreter import Interpreter
from keras_groupnet.runtime.signature import input_names, output_names


def verify(model: keras.Model, file: str | os.PathLike | bytes, inputs: Any = None) -> VerifyReport:
    """Checks layer by layer that a file computes what a model computes.

    Args:
        model: functional or Sequential; Keras must run on TensorFlow.
        file: a `.tflite` file that `convert` made of the model, or its content.
        inputs: what both run on, as `model.predict` takes it; typical values if None.

    Returns:
        The report; `report.ok` is True if there is no problem. Each of `report.problems` names the
        layer, what was expected, and what the file has.

    Raises:
        ValueError: the file is no such file, or the inputs do not fit.
        FileNotFoundError: there is no such file.
    """
    content = file if isinstance(file, bytes) else Path(file).read_bytes()
    graph = Graph(content)
    fixed = graph.signature(graph.inputs[0])[0]
    batch_size = fixed if fixed > 0 else None
    arrays = checked_inputs(model, inputs, batch_size)
    if not has_integers(graph):
        return verify_graph(model, content, arrays)
    traced, reference = float32_graph(model, batch_size, arrays)
    report = verify_graph(model, reference.to_bytes(), arrays)
    report.problems += int8_problems(reference, graph, layers_by_tensor(model, traced, reference))
    report.int8_layers = int8_layers(model, traced, graph)
    if report.ok:
        for number, output in enumerate(invoke(Interpreter(content), arrays)):
            if not np.isfinite(output).all():
                report.problems.append(Problem(f"output {number}", "finite values", "others"))
    return report


@np.errstate(over="ignore", invalid="ignore")  # a model that has diverged is told of by itself
def verify_graph(
    model: keras.Model,
    content: bytes,
    inputs: list[np.ndarray],
    skipped: dict[str, str] | None = None,
) -> VerifyReport:
    """As `verify`, on inputs in the model's order.

    Args:
        model: the model.
        content: of the file.
        inputs: one array for each input.
        skipped: names of layers that are known to be float in the file.
    """
    file = FileOps(content)
    constants = compare_constants(model, file, skipped or {})
    try:
        values = file.run(inputs)
    except (RuntimeError, ValueError) as error:
        why = " ".join(str(error).split())
        return VerifyReport([*constants, Problem("the file", "a file that runs", why)])
    check = ValueCheck(values, skipped or {})
    given = structured(model, [keras.ops.convert_to_tensor(array) for array in inputs])
    outputs = _compare(model, given, check, check)
    constants += _compare_interface(file.graph, model, outputs)
    if not all(np.isfinite(one).all() for one in keras.tree.flatten(outputs)):
        found = "infinite ones or NaN: it has diverged. Train it with smaller steps"
        return VerifyReport([*constants, Problem("the model", "finite outputs in Keras", found)])
    if check.report.problems and not constants:
        errors = Errors()
        for seed in range(RUNS):
            disturbed = ValueCheck(values, skipped or {}, errors.recorded())
            _compare(model, given, disturbed, WithErrors(disturbed, seed))
        check = ValueCheck(values, skipped or {}, errors.allowed())
        _compare(model, given, check, check)
    exact = []
    if check.comparable:
        exact = compare_on_random_sums(model, given, inputs, values, check.seen, check.direct)
    check.report.problems = _without_vaguer([*constants, *exact], check.report.problems)
    return check.report


def _compare(model: keras.Model, given: Any, check: ValueCheck, observer: Any) -> Any:
    """Compares all values on the way and the outputs, which it returns."""
    outputs = replay(model, given, observer)
    flat = keras.tree.flatten(outputs)
    check.compare_outputs(model, [np.asarray(one, np.float32) for one in flat])
    return outputs


def _compare_interface(graph: Graph, model: keras.Model, outputs: Any) -> list[Problem]:
    """The names by which a file's inputs and outputs are known, if it has any."""
    signatures = graph.model.signatureDefs or []
    if len(signatures) != 1:
        return []
    problems = []
    for kind, names, tensors in (
        ("input", input_names(model_structure(model)), graph.inputs),
        ("output", output_names(outputs), graph.outputs),
    ):
        entries = getattr(signatures[0], f"{kind}s") or []
        found = {entry.name.decode(): entry.tensorIndex for entry in entries}
        for number, (name, tensor) in enumerate(zip(names, tensors, strict=True)):
            if found.get(name) != tensor:
                known = [other for other, index in found.items() if index == tensor]
                problems.append(
                    Problem(f"{kind} {number}", f"the name {name!r}", f"the names {known}")
                )
    return problems


def _without_vaguer(exact: list[Problem], problems: list[Problem]) -> list[Problem]:
    """The problems, without those of a sum of layers of which one is known to be wrong."""
    known = {problem.layer for problem in exact}
    known |= {problem.layer for problem in problems if " + " not in problem.layer}
    kept = [p for p in problems if not (" + " in p.layer and known & set(p.layer.split(" + ")))]
    return exact + [problem for problem in kept if problem not in exact]


def compare_outputs(
    model: keras.Model, content: bytes, inputs: list[np.ndarray]
) -> OutputComparison:
    """Runs file and model as they are on the same inputs and compares their outputs.

    Args:
        model: the model.
        content: of the file.
        inputs: one array for each input, in the model's order.
    """
    given = structured(model, inputs)
    # Eagerly: compiling the model takes longer than running it once.
    expected = keras.tree.flatten(model(given, training=False))
    predicted = Interpreter(content).predict(list(inputs), batch_size=len(inputs[0]))
    found = keras.tree.flatten(predicted)
    largest = spread = 0.0
    mismatched = np.zeros(len(inputs[0]), bool)
    for ours, theirs in zip(found, expected, strict=True):
        theirs = np.asarray(theirs, np.float32)
        ours = np.asarray(ours, np.float32)
        if ours.size == 0:
            continue
        largest = max(largest, float(np.abs(ours - theirs).max()))
        spread = max(spread, float(theirs.max() - theirs.min()))
        if theirs.ndim > 1 and theirs.shape[-1] > 1:
            places = (ours.argmax(-1) != theirs.argmax(-1)).reshape(len(theirs), -1)
            mismatched |= places.any(1)
    return OutputComparison(len(inputs[0]), largest, spread, int(mismatched.sum()))
