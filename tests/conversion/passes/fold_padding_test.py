"""PAD in front of convolutions that do not pad."""

import numpy as np
import pytest

from keras_groupnet.conversion.passes import fold_padding, pack_inputs
from tests.conversion.graphs import GraphBuilder, images, kinds, rewritten, untouched

SAME, VALID = 0, 1


def padded(b, x, edges, value=None):
    """PAD, or PADV2 with a value."""
    amounts = np.array([(0, 0), *edges, (0, 0)], np.int32)
    batch, height, width, channels = b.shape(x)
    shape = (batch, height + sum(edges[0]), width + sum(edges[1]), channels)
    inputs = [x, b.constant(amounts)]
    if value is None:
        return b.builtin("PAD", inputs, b.result(shape))
    inputs.append(b.constant(np.array([value], np.float32)))
    return b.builtin("PADV2", inputs, b.result(shape))


def fold(b, outputs, *inputs):
    return rewritten(b.finish(outputs), inputs, fold_padding.run, pack_inputs.run)


@pytest.mark.parametrize("bits", [1, 2, 32])
@pytest.mark.parametrize("kernel, stride, edges", [((3, 3), 1, (1, 1)), ((3, 3), 2, (0, 1))])
def test_what_same_would_pad(bits, kernel, stride, edges):
    b = GraphBuilder()
    x = b.image(4, 6, 8)
    x = padded(b, x if bits == 32 else b.low_bit(x, bits), [edges, edges])
    options = {"padding": VALID, "stride_height": stride, "stride_width": stride}
    graph = fold(b, [b.conv(x, kernel=kernel, **options)], images(4, 6, 8))
    assert kinds(graph) == [*([] if bits == 32 else ["KgnQuantize"]), "KgnConv2D"]
    assert graph.ops[-1].options["padding"] == SAME


@pytest.mark.parametrize("value", [-1, 0, 1])
def test_values_of_signs(value):
    b = GraphBuilder()
    x = padded(b, b.low_bit(b.image(4, 6, 8)), [(1, 1), (1, 1)], value)
    graph = fold(b, [b.conv(x, padding=VALID)], images(4, 6, 8))
    assert kinds(graph) == ["KgnQuantize", "KgnConv2D"]
    assert graph.ops[-1].options["pad_value"] == value


@pytest.mark.parametrize("bits", [2, 4])
def test_other_padding_of_codes_stays_packed(bits):
    b = GraphBuilder()
    x = padded(b, b.low_bit(b.image(4, 6, 8), bits), [(1, 1), (2, 0)])
    options = {"padding": VALID, "stride_height": 2, "stride_width": 2}
    graph = fold(b, [b.conv(x, **options)], images(4, 6, 8))
    assert kinds(graph) == ["KgnQuantize", "PAD", "KgnConv2D"]


@pytest.mark.parametrize(
    "edges, value, options",
    [
        ([(1, 1), (1, 1)], None, {"padding": VALID, "stride_height": 2}),
        ([(2, 0), (1, 1)], None, {"padding": VALID}),
        ([(1, 1), (1, 1)], 0.5, {"padding": VALID}),
        ([(1, 1), (1, 1)], None, {"padding": SAME}),
    ],
    ids=str,
)
def test_other_padding_stays(edges, value, options):
    b = GraphBuilder()
    y = b.conv(padded(b, b.low_bit(b.image(4, 6, 8)), edges, value), **options)
    untouched(b.finish([y]), [images(4, 6, 8)], fold_padding.run)
