"""What files hold, and the time of their ops."""

from pathlib import Path

import keras
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs TensorFlow", allow_module_level=True)

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.deployment.summary import summarize
from keras_groupnet.drawing.parts import boxes_of, take_apart
from keras_groupnet.reports.file_contents import BINARY_WEIGHTS, CONSTANT_KINDS, FileContents
from keras_groupnet.reports.file_network import file_network
from keras_groupnet.reports.float_twins import Geometry, twin_times
from keras_groupnet.reports.op_times import op_times

LCE = sorted((Path(__file__).parents[1] / "golden" / "lce").glob("*.tflite"))


@pytest.fixture(scope="module")
def model():
    return kgn.models.ResNet((8, 8, 3), 4, 2, stem="cifar", blocks=(1,), filters=(32,))


@pytest.fixture(scope="module")
def content(model):
    return kgn.convert(model, compress="huffman", cluster=1).content


def test_work_and_bytes_are_those_of_the_model(model, content):
    contents = FileContents(content)
    summary = summarize(model)
    binary = [op for op in contents.ops if op.bits == "W1A1"]
    assert sum(op.macs for op in binary) == summary.binary_macs[1]
    assert {op.channels for op in binary} == {32}
    assert {op.layer for op in binary} == {
        layer.name for layer in summary.layers if layer.binary_weights
    }
    assert sum(op.macs for op in contents.ops if op.bits == "float32") == summary.float_macs
    # Every buffer counts once.
    buffers = sum(
        len(one.data)
        for one in Graph(content).model.buffers
        if one.data is not None and len(one.data)
    )
    metadata = {entry.buffer for entry in contents.graph.model.metadata or []}
    buffers -= sum(len(contents.graph.model.buffers[one].data) for one in metadata)
    counted = {kind: sum(op.bytes.get(kind, 0) for op in contents.ops) for kind in CONSTANT_KINDS}
    assert sum(counted.values()) == buffers == len(content) - contents.rest_bytes
    assert 0 < counted[BINARY_WEIGHTS] < summary.binary_weights / 8  # they are compressed


def test_a_file_is_drawn_op_by_op(content):
    contents = FileContents(content)
    network = file_network(contents, "model.tflite")
    drawn = [node for box in boxes_of(take_apart(network)) for node in box.heavy]
    assert len(drawn) == sum(1 for op in contents.ops if op.bits)
    assert "conv 3×3, 32" in {node.text for node in drawn}


@pytest.mark.parametrize("path", LCE, ids=lambda path: path.stem)
def test_files_of_lce(path):
    contents = FileContents(path.read_bytes())
    assert contents.rest_bytes > 0
    parts = take_apart(file_network(contents, path.name))
    assert len(boxes_of(parts)) >= 1
    for op in contents.ops:
        assert (op.kind == "LceBconv2d") == (op.bits == "W1A1") == (op.macs > 0)


def test_every_op_gets_a_time(content):
    contents = FileContents(content)
    times = op_times(contents, num_threads=1, runs=1)
    assert set(times) == set(contents.ops)


def test_twins_of_all_kinds():
    wanted = [
        Geometry((6, 6, 4), 8, (3, 3), (2, 2)),
        Geometry((6, 6, 4), 8, (3, 3), groups=4),
        Geometry((6, 6, 4), 8, (1, 1), padding="valid", groups=2),
        Geometry((12,), 5),
    ]
    times = twin_times([*wanted, wanted[0]], num_threads=1, runs=1)
    assert list(times) == wanted
    assert all(set(one) == {"float32", "int8"} for one in times.values())
