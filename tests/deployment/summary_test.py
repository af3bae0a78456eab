import dataclasses
import json

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment.summary import summarize


def by_name(result):
    return {layer.name: layer for layer in result.layers}


def layerwise(channels, size, bases, kernel=3, bits=1):
    """One convolution of Eq. 3."""
    inputs = keras.Input((size, size, channels))
    quantizer = "ste_sign" if bits == 1 else kgn.quantizers.KBitActivation(bits)
    quantized = kgn.layers.Quantize(quantizer)(inputs)
    outputs = kgn.layers.GroupSum()(
        [
            kgn.layers.QuantConv2D(
                channels,
                kernel,
                padding="same",
                use_bias=False,
                kernel_quantizer="binary_weight",
                name=f"base{base}_conv",
            )(quantized)
            for base in range(bases)
        ]
    )
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(
    ("channels", "size", "bases", "kernel", "speedup"),
    [
        (64, 56, 5, 3, 11.5200),
        (128, 28, 5, 3, 12.1263),
        (256, 28, 5, 3, 12.4541),
        (256, 14, 5, 3, 12.4541),
        (512, 7, 5, 3, 12.6247),
        (256, 14, 1, 3, 62.2703),
        (256, 14, 3, 3, 20.7568),
        (256, 14, 5, 1, 10.2400),
    ],
)
def test_speedup_of_equation_4(channels, size, bases, kernel, speedup):
    result = summarize(layerwise(channels, size, bases, kernel))
    for base in range(bases):
        layer = by_name(result)[f"base{base}_conv"]
        assert layer.bases == bases and layer.activation_bits == 1
        assert layer.speedup == pytest.approx(speedup, abs=5e-5)
    assert result.speedup == pytest.approx(speedup, abs=5e-5)
    assert result.binary_weights == bases * kernel**2 * channels**2


@pytest.mark.parametrize("bits", [2, 4])
def test_each_activation_bit_costs_a_pass(bits):
    one, more = (summarize(layerwise(64, 8, 5, bits=count)) for count in (1, bits))
    assert more.binary_macs == {bits: one.binary_macs[1]}
    accumulations = 5 * 64 * 8 * 8
    binary = one.binary_macs[1] / 64
    assert more.speedup == pytest.approx(one.reference_macs / (bits * binary + accumulations))


def test_resnet18_parent():
    model = kgn.models.ResNet18(bases=None)
    result = summarize(model)
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == 11_689_512
    assert result.binary_weights == 0 and result.binary_macs == {} and result.speedup == 1
    assert result.float_macs == result.reference_macs == 1_814_073_344


def test_resnet18_accounting():
    """Oracle G10: 16 binary convolutions; stem, shortcuts and classifier real."""
    result = summarize(kgn.models.ResNet18(bases=1, shortcut="float"))
    assert result.binary_weights == 10_985_472
    macs = by_name(result)["stem_conv"].macs, result.binary_macs[1]
    assert macs == (118_013_952, 1_676_279_808)
    operations = result.float_macs + result.binary_macs[1] / 64
    assert operations == pytest.approx(1.6399e8, rel=1e-4)
    assert result.reference_macs / operations == pytest.approx(11.06, abs=0.005)
    assert 10.9 < result.speedup < 11.06  # the accumulations come on top


def test_resnet18_with_five_bases():
    result = summarize(kgn.models.ResNet18(bases=5, shortcut="float"))
    assert result.binary_macs[1] / 64 == pytest.approx(130.96e6, rel=1e-4)
    assert result.reference_macs == 1_814_073_344
    layers = by_name(result)
    assert layers["stage1_block1_base3_conv1"].bases == 5
    assert layers["stage1_block1_base3_bn1"].bases == 5
    for shared in ("stem_conv", "stage2_block1_shortcut_conv", "group3_input_bn", "fc"):
        assert layers[shared].bases == 1


@pytest.mark.parametrize("partition", ["v1", "v2", "v3", "layerwise", [3, 1]])
def test_partitions_have_the_same_reference(partition):
    options = {"blocks": (2, 2), "filters": (8, 16), "stem": "cifar", "shortcut": "float"}
    parent = kgn.models.ResNet((16, 16, 3), 10, None, **options)
    model = kgn.models.ResNet((16, 16, 3), 10, 3, partition=partition, **options)
    result = summarize(model)
    convs = [layer for layer in result.layers if layer.binary_weights]
    assert len(convs) == 3 * 8 and {layer.bases for layer in convs} == {3}
    reference = summarize(parent).reference_macs
    if partition in ("v3", [3, 1]):
        # A longer base has shortcuts of its own, which are real here and exist three times.
        assert result.reference_macs == pytest.approx(reference)
    else:
        assert result.reference_macs == reference


@pytest.mark.parametrize("bits", [1, 2, 4, 32])
def test_activation_bits_of_zoo_models(bits):
    options = {"stem": "cifar", "filters": (8, 8, 8, 8, 8), "units": 8}
    model = kgn.models.AlexNet((32, 32, 3), 10, 2, bits, **options)
    result = summarize(model)
    assert set(result.binary_macs) == {bits}
    if bits == 32:
        assert all(layer.speedup == 0.5 for layer in result.layers if layer.binary_weights)


def test_input_quantizers_and_other_layers():
    inputs = keras.Input((9, 9, 6))
    x = kgn.layers.QuantDepthwiseConv2D(
        3, input_quantizer="k_bit_activation", kernel_quantizer="binary_weight", name="depthwise"
    )(inputs)
    x = keras.layers.MaxPooling2D(2)(kgn.layers.Quantize("ste_sign")(x))
    x = kgn.layers.QuantConv2D(40, 1, groups=2, kernel_quantizer="binary_weight", name="grouped")(x)
    x = keras.layers.Conv2DTranspose(2, 3, strides=2, name="transposed")(x)
    x = keras.layers.Flatten()(x)
    x = kgn.layers.QuantDense(
        5, input_quantizer="ste_sign", kernel_quantizer="binary_weight", name="dense"
    )(x)
    layers = by_name(summarize(keras.Model(inputs, x)))
    assert (layers["depthwise"].macs, layers["depthwise"].activation_bits) == (7 * 7 * 9 * 6, 2)
    assert (layers["grouped"].macs, layers["grouped"].activation_bits) == (3 * 3 * 3 * 40, 1)
    assert (layers["transposed"].macs, layers["transposed"].activation_bits) == (9 * 9 * 80, 32)
    assert (layers["dense"].macs, layers["dense"].activation_bits) == (7 * 7 * 2 * 5, 1)
    # Packed: 6 channels of 9 taps, 40 outputs of one word, 5 outputs of ceil(98 / 32) words; a
    # multiplier and a bias for each output.
    assert layers["depthwise"].file_bytes == 6 * 9 * 4 + 6 * 8
    assert layers["grouped"].file_bytes == 40 * 4 + 40 * 8
    assert layers["dense"].file_bytes == 5 * 4 * 4 + 5 * 8
    assert layers["transposed"].float_weights == 9 * 80 + 2


def test_nested_models():
    inner = layerwise(8, 6, 3)
    inputs = keras.Input((6, 6, 8))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 1, name="last")(inner(inputs)))
    layers = by_name(summarize(model))
    assert layers[f"{inner.name}/base1_conv"].bases == 3
    assert layers["last"].macs == 6 * 6 * 8 * 4


def test_open_shapes():
    options = {"blocks": (1,), "filters": (8,), "stem": "cifar"}
    model = kgn.models.ResNet((None, None, 3), 10, 2, **options)
    with pytest.raises(ValueError, match="pass `input_shape="):
        summarize(model)
    fixed = summarize(kgn.models.ResNet((16, 12, 3), 10, 2, **options))
    assert summarize(model, (16, 12, 3)).binary_macs == fixed.binary_macs


def test_table():
    printed = []
    model = kgn.models.ResNet((32, 32, 3), 10, 3, blocks=(1,), filters=(16,), stem="cifar")
    result = kgn.summary(model, print_fn=printed.append)
    (text,) = printed
    assert "stage1_block1_base*_conv1" in text and "base2" not in text
    assert f"{result.file_bytes:,}" in text and f"{result.binary_weights:,}" in text
    assert f"{result.speedup:.1f}x" in text and "W1A1" in text


@pytest.mark.parametrize(
    ("layer", "binary", "real"),
    [
        (kgn.layers.ProjectionConv2D(4, 3, projections=2), 9 * 16 * 8, 0),
        (kgn.layers.RectifiedConv2D(8, 3), 9 * 16 * 8, 0),
        (kgn.layers.ModulatedConv2D(4, 3, planes=2), 9 * 16 * 4, 2 * 9),
        (kgn.layers.ModulatedConv2D(4, 3, planes=2, scalar=True), 9 * 16 * 4, 2),
    ],
)
def test_latent_weights_do_not_count(layer, binary, real):
    inputs = keras.Input((8, 8, 16))
    result = summarize(keras.Model(inputs, layer(kgn.layers.Quantize("ste_sign")(inputs))))
    (row,) = result.layers
    assert (row.binary_weights, row.float_weights) == (binary, real)
    assert row.activation_bits == 1 and row.macs == 36 * binary


@pytest.mark.parametrize(
    ("quantizer", "inputs_quantizer", "weight_bits", "activation_bits", "real"),
    [
        (kgn.quantizers.KBitWeight(2), kgn.quantizers.KBitActivation(2), 2, 2, 0),
        (kgn.quantizers.WeightBases(3), kgn.quantizers.ActivationBases(2), 3, 2, 4),
        (kgn.quantizers.SubgroupSign(), kgn.quantizers.SteSign(), 1, 1, 9),
    ],
)
def test_kernels_of_several_bits(quantizer, inputs_quantizer, weight_bits, activation_bits, real):
    layer = kgn.layers.QuantConv2D(
        8, 3, use_bias=False, kernel_quantizer=quantizer, input_quantizer=inputs_quantizer
    )
    inputs = keras.Input((8, 8, 16))
    (row,) = summarize(keras.Model(inputs, layer(inputs))).layers
    assert row.binary_weights == weight_bits * 9 * 16 * 8 and row.float_weights == real
    assert (row.weight_bits, row.activation_bits) == (weight_bits, activation_bits)
    # One 1-bit convolution for each pair of bits, and the accumulation of the map.
    assert row.macs == 36 * 9 * 16 * 8
    assert row.cost == row.macs * weight_bits * activation_bits / 64 + 36 * 8


def small_resnet(bases=3, bits=1):
    options = {"blocks": (1,), "filters": (64,), "stem": "cifar"}
    return kgn.models.ResNet((16, 16, 3), 10, bases, bits, **options)


def test_rbcn_counts_real_products_and_a_64th_of_the_binary_ones():
    """Section 4 of RBCN; 11.06 is oracle G10."""
    result = summarize(kgn.models.ResNet18(bases=1, shortcut="float"))
    cost = result.float_macs + result.binary_macs[1] / 64
    assert result.rbcn_speedup == pytest.approx(result.reference_macs / cost)
    assert result.rbcn_speedup == pytest.approx(11.06, abs=0.005)
    layer = by_name(result)["stage1_block1_base1_conv1"]
    assert layer.rbcn_speedup == pytest.approx(64) and layer.speedup < 64
    assert layer.binary_macs == layer.macs and layer.float_macs == 0


def test_compression_is_that_of_the_float_network():
    """The bases replace one float network, with its moving statistics."""
    model, parent = small_resnet(bases=5), small_resnet(bases=None)
    floats = sum(np.prod(weight.shape) for weight in parent.weights)
    result = summarize(model)
    # A batch norm for each group's input, and the weights of the sum, come to it.
    assert result.reference_weights == pytest.approx(floats, rel=0.01)
    assert result.compression == pytest.approx(4 * floats / result.file_bytes, rel=0.01)
    assert result.weight_compression > result.compression > 2
    assert summarize(parent).weight_compression == pytest.approx(1, abs=0.01)


def test_activation_bytes_are_those_of_the_file():
    inputs = keras.Input((8, 8, 40))
    x = kgn.layers.Quantize("ste_sign")(inputs)
    options = {"padding": "same", "use_bias": False, "kernel_quantizer": "binary_weight"}
    x = kgn.layers.QuantConv2D(64, 3, name="floats", **options)(x)
    x = keras.layers.BatchNormalization(name="folded")(x)
    x = keras.layers.ReLU()(x)
    x = kgn.layers.QuantConv2D(
        32, 3, name="packed", input_quantizer=kgn.quantizers.KBitActivation(2), **options
    )(x)
    x = kgn.layers.QuantConv2D(32, 3, name="last", input_quantizer="ste_sign", **options)(x)
    layers = by_name(summarize(keras.Model(inputs, x)))
    # 40 channels are two words; what a quantizer alone reads is written packed.
    assert layers["floats"].activation_bytes == 64 * (2 * 4 + 2 * 2 * 4)
    assert layers["packed"].activation_bytes == 64 * (2 * 2 * 4 + 4)
    assert layers["last"].activation_bytes == 64 * (4 + 32 * 4)
    assert layers["folded"].activation_bytes == 0


def test_milliseconds():
    one, three = (summarize(small_resnet(bases), profile="avx2") for bases in (1, 3))
    assert one.profile == "avx2" and 0 < one.milliseconds < three.milliseconds
    parts = sum(layer.milliseconds for layer in three.layers)
    assert three.milliseconds == pytest.approx(parts + three.other_milliseconds)
    slow, fast = (summarize(small_resnet(), profile=name) for name in ("avx2", "avx512"))
    assert slow.milliseconds > fast.milliseconds
    model = kgn.deployment.CostModel.load("avx2")
    assert summarize(small_resnet(), profile=model).milliseconds == slow.milliseconds
    with pytest.raises(ValueError, match="profile='no.json'"):
        kgn.summary(small_resnet(), profile="no.json", print_fn=lambda text: None)


def test_a_layer_that_is_called_twice_takes_twice_as_long():
    layer = keras.layers.Dense(64, name="dense")
    inputs = keras.Input((64,))
    (once,) = summarize(keras.Model(inputs, layer(inputs))).layers
    (twice,) = summarize(keras.Model(inputs, layer(layer(inputs)))).layers
    assert twice.milliseconds == pytest.approx(2 * once.milliseconds)
    assert twice.activation_bytes == once.activation_bytes == 4 * 128


def test_a_batch_counts_as_one_sample():
    found = []
    for batch in (None, 4):
        inputs = keras.Input((16, 16, 8), batch_size=batch)
        model = keras.Model(inputs, keras.layers.Conv2D(8, 3)(inputs))
        found.append(summarize(model).layers[0])
    assert found[0].activation_bytes == found[1].activation_bytes
    assert found[1].milliseconds == pytest.approx(found[0].milliseconds, rel=0.2)


def test_records_are_plain():
    result = summarize(small_resnet())
    records = result.records()
    assert json.loads(json.dumps(records)) == [
        {key: list(value) if isinstance(value, tuple) else value for key, value in one.items()}
        for one in records
    ]
    assert len({tuple(one) for one in records}) == 1 and len(records) == len(result.layers)
    by_layer = {one["name"]: one for one in records}
    conv = by_layer["stage1_block1_base1_conv1"]
    assert conv["binary_macs"] == 16 * 16 * 9 * 64 * 64 and conv["float_macs"] == 0
    assert conv["input_shape"] == conv["output_shape"] == (16, 16, 64)
    assert conv["speedup"] > 1 and conv["milliseconds"] > 0
    norm = by_layer["stem_bn"]
    assert norm["speedup"] is None and norm["activation_bits"] is None


def test_html_for_notebooks():
    result = dataclasses.replace(summarize(small_resnet()), name="<script>alert()</script>")
    text = result._repr_html_()
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert text.count("<table") == text.count("</table>") == 1
    assert text.count("<tr>") == text.count("</tr>") > 5
    assert "src=" not in text and "href=" not in text
    assert f"{result.milliseconds:.4f}" in text and f"{result.file_bytes:,}" in text


L = keras.layers


def attention(x):
    return L.LayerNormalization()(x + L.MultiHeadAttention(2, 4)(x, x))


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((), lambda x: x * 2.0 + 1.0),
        ((6, 8), attention),
        ((6, 8), lambda x: L.Bidirectional(L.LSTM(4, return_sequences=True))(L.GRU(4)(x)[:, None])),
        ((4, 4, 4, 2), lambda x: L.GlobalAveragePooling3D()(L.Conv3D(2, 3)(x))),
        (
            (8, 8, 4),
            lambda x: L.Conv2DTranspose(3, 3)(L.SeparableConv2D(4, 3, activation="silu")(x)),
        ),
        ((8, 8, 4), lambda x: L.Activation("mish")(L.PReLU()(L.UpSampling2D()(x)))),
        ((8, 8, 4), lambda x: keras.ops.mean(keras.ops.transpose(x, (0, 3, 1, 2)), axis=1)),
        ((8, 8, 4), lambda x: L.Softmax()(L.GroupNormalization(2)(L.Permute((2, 1, 3))(x)))),
        ((4, 8, 8, 2), lambda x: L.ConvLSTM2D(2, 3)(x)),
        ((9,), lambda x: keras.ops.matmul(L.Reshape((3, 3))(x), L.Reshape((3, 3))(x))),
    ],
)
def test_every_cell_of_any_model_has_its_number(shape, network):
    inputs = keras.Input(shape)
    result = summarize(keras.Model(inputs, network(inputs)))
    assert result.milliseconds > 0 and result.activation_bytes > 0 and result.compression > 0
    for layer in result.layers:
        assert layer.milliseconds > 0 and layer.activation_bytes > 0
        assert all(isinstance(size, int) for size in (*layer.input_shape, *layer.output_shape))
    assert "?" not in result._repr_html_()
