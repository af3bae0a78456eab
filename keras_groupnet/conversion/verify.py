"""The comparison of a converted file with the Keras model it came from."""

from __future__ import annotations

import keras
import numpy as np

from keras_groupnet.conversion.report import ConversionReport
from keras_groupnet.runtime.interpreter import Interpreter


def compare(
    model: keras.Model,
    content: bytes,
    images: np.ndarray | None,
    batch_size: int | None,
    report: ConversionReport,
) -> str:
    """Runs file and model on the same images and enters the figures into the report.

    Returns:
        Why the comparison fails; empty if it holds.
    """
    if images is None:
        generator = np.random.default_rng(0)
        shape = (batch_size or 4, *model.inputs[0].shape[1:])
        images = generator.standard_normal(shape, np.float32)
    images = np.asarray(images, np.float32)
    expected = _outputs(model.predict_on_batch(images))
    answered = _outputs(Interpreter(content).predict(images))
    report.images = len(images)
    report.largest_difference = report.output_range = 0.0
    report.mismatched_top1 = 0
    problems = []
    for i, (keras_value, value) in enumerate(zip(expected, answered, strict=True)):
        keras_value = keras_value.astype(np.float32)
        difference = np.abs(value - keras_value)
        spread = float(keras_value.max() - keras_value.min())
        report.largest_difference = max(report.largest_difference, float(difference.max()))
        report.output_range = max(report.output_range, spread)
        axes = tuple(range(1, keras_value.ndim))
        if keras_value.shape[-1] > 1:
            report.mismatched_top1 += int(
                (value.argmax(-1) != keras_value.argmax(-1)).reshape(len(images), -1).any(1).sum()
            )
        error = np.sqrt(np.mean(difference**2, axes)) / max(keras_value.std(), 1e-30)
        if not np.isfinite(value).all() or np.median(error) > _TOLERANCE:
            problems.append(
                f"output {i} differs by {np.median(error):.2g} of its standard deviation "
                f"(median over {len(images)} images; at most {_TOLERANCE} is accepted)"
            )
    return "; ".join(problems)


# Integer sums are exact on both sides, but folding batch norm rounds differently in the last place
# and a value that close to a quantizer's threshold may then fall on the other side of it. Such a
# flip changes an output a little; a wrong rewrite decorrelates it, which gives errors near 1.
_TOLERANCE = 0.1


def _outputs(value) -> list[np.ndarray]:
    return (
        [np.asarray(v) for v in value] if isinstance(value, (list, tuple)) else [np.asarray(value)]
    )
