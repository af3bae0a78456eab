"""Activations in front of quantizers."""

import pytest

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.passes import fold_batch_norm, skip_activation
from tests.conversion.graphs import (
    RELU,
    RELU6,
    RELU_N1_TO_1,
    GraphBuilder,
    images,
    kinds,
    rewritten,
    untouched,
)

FUSED = {"RELU": RELU, "RELU6": RELU6, "RELU_N1_TO_1": RELU_N1_TO_1}
# kind, bits, scale, whether the codes are those of the tensor before
CASES = [
    ("RELU", 1, 1.0, False),
    ("RELU6", 1, 1.0, False),
    ("RELU_N1_TO_1", 1, 1.0, True),
    ("RELU", 2, 2.0, True),
    ("RELU", 4, 0.5, True),
    ("RELU6", 2, 0.5, True),
    ("RELU6", 2, 0.375, False),
    ("RELU6", 4, 2.5, True),
    ("RELU6", 4, 2.0, False),
    ("RELU_N1_TO_1", 2, 3.0, True),
    ("RELU_N1_TO_1", 2, 2.0, False),
]


def wide(*shape):
    """Inputs beyond every activation's range."""
    return 4 * images(*shape)


@pytest.mark.parametrize("kind, bits, scale, same", CASES)
def test_a_quantizer_reads_past_what_it_cannot_notice(kind, bits, scale, same):
    b = GraphBuilder()
    content = b.finish([b.quantize(b.unary(kind, b.image(40)), bits, scale)])
    if same:
        assert kinds(rewritten(content, [wide(40)], skip_activation.run)) == ["KgnQuantize"]
    else:
        untouched(content, [wide(40)], skip_activation.run)


@pytest.mark.parametrize("kind, bits, scale, same", CASES)
def test_batch_norm_with_a_fused_activation(kind, bits, scale, same):
    b = GraphBuilder()
    content = b.finish([b.quantize(b.batch_norm(b.image(40), FUSED[kind]), bits, scale)])
    if same:
        graph = rewritten(content, [wide(40)], fold_batch_norm.run)
        assert kinds(graph) == ["KgnQuantize"] and len(graph.ops[0].inputs) == 3
    else:
        untouched(content, [wide(40)], fold_batch_norm.run)


def test_other_readers_keep_the_activation():
    b = GraphBuilder()
    x = b.unary("RELU", b.image(6))
    graph = rewritten(b.finish([b.quantize(x, 2), x]), [wide(6)], skip_activation.run)
    assert sorted(kinds(graph)) == ["KgnQuantize", "RELU"]
    assert graph.of_kind("KgnQuantize")[0].inputs == graph.inputs


def test_one_quantizer_that_notices_keeps_the_fused_activation():
    b = GraphBuilder()
    x = b.batch_norm(b.image(6), RELU6)
    content = b.finish([b.quantize(x, 2), b.quantize(x, 4)])
    untouched(content, [wide(6)], fold_batch_norm.run)


def test_a_batch_norm_of_the_quantizers_own_comes_between():
    b = GraphBuilder()
    packed = b.quantize(b.batch_norm(b.unary("RELU", b.image(6))), 2)
    graph = rewritten(b.finish([packed]), [wide(6)], fold_batch_norm.run, skip_activation.run)
    assert kinds(graph) == ["RELU", "KgnQuantize"]


@pytest.mark.parametrize("bits", [2, 4])
def test_the_residual_block_of_version_1_writes_floats_and_bits(bits):
    b = GraphBuilder()
    x = b.image(4, 3, 8)
    y = b.add(x, b.batch_norm(b.conv(b.low_bit(x, bits), 8)), RELU)
    packed = b.quantize(y, bits, 2.0)
    graph = rewritten(b.finish([y, packed]), [wide(4, 3, 8)], passes.run)
    assert kinds(graph) == ["KgnQuantize", "KgnConv2D"]
    assert len(graph.ops[1].outputs) == 2
