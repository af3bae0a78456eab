"""The pieces of a page, each by itself."""

import re

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.reports import markup
from keras_groupnet.reports.accuracy import accuracy
from keras_groupnet.reports.float_twins import Geometry, geometries
from keras_groupnet.reports.latent_weights import latent_histograms
from keras_groupnet.reports.op_times import parse_profiles
from keras_groupnet.reports.statistics_log import read_statistics

L = keras.layers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.12345, "0.123"),
        (12345.6, "12,346"),
        (2.0, "2"),
        ((8, 8, 64), "8×8×64"),
        (None, ""),
        ("a<b", "a<b"),
    ],
)
def test_values_as_text(value, text):
    assert markup.text_of(value) == text


def test_names_cannot_break_out_of_the_page():
    evil = '"><script>alert(1)</script>'
    for made in (
        markup.table([evil], [[evil]], evil),
        markup.section(evil),
        markup.facts({evil: evil}),
        markup.stacked_bars({evil: {evil: 1}}, evil),
        markup.grouped_bars({evil: {evil: 1}}, evil),
        markup.histogram(evil, [1, 2], 1.0, evil),
        markup.lines_chart(evil, {evil: {0: 0.5, 1: 0.1}}),
    ):
        assert "<script" not in made and "&lt;script" in made


def test_a_table_knows_numbers_from_words():
    made = markup.table(["name", "bytes", "shape"], [["a", 10, (2, 3)], ["b", None, (4,)]])
    assert made.count('<th scope="col" class="number">') == 2
    assert 'data-value="6" class="number">2×3<' in made and 'data-value="" class="number"><' in made


def test_points_stand_below_each_other():
    made = markup.table(["ms"], [[0.0123], [0.5], [2.0], [1e-7], [None], [0.0]])
    assert re.findall(">([^<>]*)</td>", made) == ["0.012", "0.500", "2.000", "1e-07", "", "0.000"]


def test_a_chart_of_zeros_is_a_sentence():
    assert markup.lines_chart("Flips", {"a": {0: 0.0}}) == "<p>Flips: all values are 0.</p>"


def test_a_log_may_lack_columns(tmp_path):
    path = tmp_path / "statistics.csv"
    path.write_text("epoch,layer,flip_ratio,other\n0,a,0.5,x\n1,a,,x\n1,b,0.25,x\n")
    assert read_statistics(path).values == {"flip_ratio": {"a": {0: 0.5}, "b": {1: 0.25}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,score\na,1\n", "with the columns name, score"),
        (b"", "with the columns none"),
        (b"epoch,layer,flip_ratio\n0,a,often\n", "line 2"),
        (b"epoch,layer,flip_ratio,histogram\n0,a,0.5,1 2\n", "32 counts"),
        (b"\xff\xfe\x00", "no text table"),
    ],
)
def test_files_that_are_no_log(tmp_path, content, message):
    path = tmp_path / "statistics.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_statistics(path)


def test_the_profile_is_read_by_columns():
    name = "größe of it"
    lines = [
        "op            output       kernel                    calls     total ms    ms/call      %"
    ]
    lines.append(
        f"KgnConv2D     {name} avx2 4x4                      3        0.300     0.1000  100.0"
    )
    lines.append(
        "all                                                    3        0.300     0.1000  100.0"
    )
    printed = "\n".join(["something else", *lines, *lines]).encode()
    assert parse_profiles(printed) == [[("KgnConv2D", name, 0.1)]] * 2


def convolution(name, **options):
    return kgn.layers.QuantConv2D(
        4, 3, input_quantizer="ste_sign", kernel_quantizer="binary_weight", name=name, **options
    )


def test_a_convolution_along_time_is_one_of_height_1():
    layer = kgn.layers.QuantConv1D(4, 3, strides=2, kernel_quantizer="ste_sign", name="long")
    model = keras.Sequential([keras.Input((9, 8)), layer])
    assert geometries(model) == {"long": Geometry((1, 9, 8), 4, (1, 3), (1, 2), (1, 1), "valid", 1)}


def test_geometries_are_those_of_the_layers():
    inputs = keras.Input((9, 9, 2))
    x = L.Conv2D(4, (3, 1), strides=2, name="first")(inputs)
    x = convolution("second", groups=2, padding="same", pad_values=1.0)(x)
    x = L.DepthwiseConv2D(3, depth_multiplier=2, name="third")(x)
    model = keras.Model(inputs, L.Dense(5, name="last")(L.Flatten()(x)))
    assert geometries(model) == {
        "first": Geometry((9, 9, 2), 4, (3, 1), (2, 2), (1, 1), "valid"),
        "second": Geometry((4, 5, 4), 4, (3, 3), groups=2),
        "third": Geometry((4, 5, 4), 8, (3, 3), padding="valid", groups=4),
        "last": Geometry((2 * 3 * 8,), 5),
    }
    for geometry in geometries(model).values():
        layer = geometry.layer()
        assert layer(keras.ops.zeros((1, *geometry.input_shape))).shape[-1] == geometry.filters


def test_histograms_hold_the_latent_weights_of_all_bases():
    inputs = keras.Input((4, 4, 2))
    bases = [convolution(f"block_base{i}_conv")(inputs) for i in (1, 2)]
    model = keras.Model(inputs, L.Dense(3)(L.Flatten()(kgn.layers.GroupSum()(bases))))
    kernel = np.linspace(-1, 1, 72, dtype=np.float32).reshape(3, 3, 2, 4)
    for layer in model.layers:
        if layer.name.startswith("block"):
            layer.kernel.assign(kernel)
    (found,) = latent_histograms(model)
    assert found.name == "block_base*_conv" and found.weights == sum(found.counts) == 144
    assert found.limit == 1 and found.counts == found.counts[::-1]


def test_accuracy_of_arrays_and_batches():
    labels = np.array([0, 1, 2, 0])
    outputs = np.eye(3)[[0, 1, 1, 0]]
    assert accuracy(lambda x: outputs[x], (np.arange(4), labels)) == 0.75
    batches = [(np.arange(3), labels[:3, None]), (np.array([3]), labels[3:])]
    assert accuracy(lambda x: outputs[x], batches) == 0.75
    with pytest.raises(ValueError, match="at least one sample"):
        accuracy(lambda x: outputs[x], [])
    with pytest.raises(ValueError, match="one output, a row of classes"):
        accuracy(lambda x: outputs[x, 0], batches)
