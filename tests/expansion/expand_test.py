"""What `expand` makes of small models, and what it refuses."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet import layers, methods
from tests.expansion.networks import attention_net, images, plain_net, residual_net, towers
from tests.expansion.random_networks import RandomNetwork

L = keras.layers


def expand(model, *args, **options):
    return kgn.expand(model, *args, print_fn=None, **options)


def outputs(model, inputs):
    return [keras.ops.convert_to_numpy(y) for y in keras.tree.flatten(model(inputs))]


def assert_equal_outputs(model, other, inputs):
    for y, z in zip(outputs(model, inputs), outputs(other, inputs), strict=True):
        np.testing.assert_allclose(z, y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_with_float_layers_it_is_the_parent(seed):
    model = RandomNetwork(seed).model()
    assert_equal_outputs(model, expand(model, 1, 32, weight_bits=32), images())


@pytest.mark.parametrize("bases", [1, 3])
def test_bases_without_noise_are_the_parent(bases):
    model = residual_net()
    net = expand(model, bases, 32, "v3", weight_bits=32, noise=0)
    assert_equal_outputs(model, net, images())
    assert net.get_layer("b3_add").scales.shape == (bases,)


def test_inputs_outputs_and_towers_stay():
    model = towers()
    net = expand(model, 1, 32, weight_bits=32)
    inputs = {"left": images(), "right": images()[::-1]}
    assert_equal_outputs(model, net, inputs)
    assert set(net(inputs)) == {"same", "left"}

    net = expand(model, 2)
    tower = net.get_layer("tower")
    assert isinstance(tower.get_layer("base2_t_conv2"), layers.QuantConv2D)
    assert type(tower.get_layer("t_conv1")) is L.Conv2D
    same = {"left": images(), "right": images()}
    alike, bias = outputs(net, same)[1], net.get_layer("same").bias
    np.testing.assert_allclose(alike, np.broadcast_to(bias, alike.shape), atol=1e-6)


def test_the_parent_is_unchanged():
    model = residual_net()
    before, config = model.get_weights(), model.get_config()
    expand(model, 2)
    assert model.get_config() == config
    for weight, same in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, same)
    assert len(model.get_layer("b1_conv1")._inbound_nodes) == 1


def test_a_group_is_k_copies_and_a_sum():
    net = expand(residual_net(), 3, 2)
    total = net.get_layer("b2_add")
    assert isinstance(total, layers.GroupSum)
    for base in (1, 2, 3):
        conv = net.get_layer(f"base{base}_b2_conv2")
        assert isinstance(conv, layers.QuantConv2D) and not conv.use_bias
    kernels = [net.get_layer(f"base{base}_b2_conv2").kernel for base in (1, 2, 3)]
    assert not np.array_equal(kernels[0], kernels[1])


def test_a_single_base_starts_with_the_kernels_of_the_parent():
    model = residual_net()
    net = expand(model, 1)
    np.testing.assert_array_equal(
        net.get_layer("base1_b1_conv1").kernel, model.get_layer("b1_conv1").kernel
    )
    np.testing.assert_array_equal(net.get_layer("fc").kernel, model.get_layer("fc").kernel)
    gamma = net.get_layer("base1_b1_bn1").gamma
    np.testing.assert_array_equal(gamma, model.get_layer("b1_bn1").gamma)


def test_activations_in_front_of_quantizers_are_left_out():
    net = expand(residual_net(), 2)
    names = [layer.name for layer in net.layers]
    assert not any("b1_relu" in name for name in names)
    assert "b1_out" in names  # the shortcut of the next block reads it
    quantize = net.get_layer("base1_b1_conv2_quantize")
    assert quantize.input is net.get_layer("base1_b1_bn1").output
    # The input of a group is normalized and quantized once, before the ReLU.
    assert net.get_layer("b2_conv1_input_bn").input is net.get_layer("b1_add").output
    assert sum("b2_conv1_quantize" in name for name in names) == 1


def test_with_float_activations_they_stay():
    net = expand(residual_net(), 2, 32)
    assert net.get_layer("base1_b1_conv2").input is net.get_layer("base1_b1_relu").output
    assert not any("quantize" in layer.name for layer in net.layers)


def test_biases_go_into_batch_norms():
    model = plain_net()
    net = expand(model, 1, keep=())
    norm = net.get_layer("base1_conv2_bn")
    np.testing.assert_array_equal(norm.beta, model.get_layer("conv2").bias)
    assert norm.input is not None
    # With float inputs the sums are the parent's: the mean takes the bias.
    model = residual_net()
    net = expand(model, 1, 32)
    expected = model.get_layer("b1_bn1").moving_mean - model.get_layer("b1_conv1").bias
    np.testing.assert_allclose(net.get_layer("base1_b1_bn1").moving_mean, expected, rtol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 32])
def test_moving_statistics_start_close_to_those_of_training(bits):
    """Normal inputs in front, the statistics behind a layer are about those of its sums."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 32)),
            L.BatchNormalization(center=False, scale=False),
            L.Conv2D(24, 3, name="conv"),
            L.BatchNormalization(name="bn"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(16, 16, 16, 32)).astype("float32")
    if bits == 32:  # then they stay those of the parent
        y = keras.ops.convert_to_numpy(model.get_layer("conv")(x))
        model.get_layer("bn").moving_mean.assign(y.mean((0, 1, 2)))
        model.get_layer("bn").moving_variance.assign(y.var((0, 1, 2)))
    net = expand(model, 1, bits, keep=())
    y = keras.ops.convert_to_numpy(net(x)).reshape(-1, 24)
    assert np.abs(y.mean(0)).max() < 0.3
    assert 0.7 < y.std(0).min() and y.std(0).max() < 1.4


def test_zero_padding_stands_in_front_of_the_quantizer():
    inputs = keras.Input((8, 8, 3))
    x = L.BatchNormalization(name="bn")(L.Conv2D(8, 3, name="stem")(inputs))
    x = L.ZeroPadding2D(((0, 1), (2, 0)), name="pad")(L.ReLU()(x))
    x = L.Conv2D(8, 3, strides=2, name="conv")(x)
    model = keras.Model(inputs, L.Conv2D(4, 1, name="last")(x))
    net = expand(model, 1)
    padded = net.get_layer("conv_quantize").input
    assert padded.shape == model.get_layer("pad").output.shape
    signs = keras.Model(net.input, net.get_layer("conv_quantize").output)(images())
    assert set(np.unique(keras.ops.convert_to_numpy(signs))) == {-1.0, 1.0}
    assert (keras.ops.convert_to_numpy(signs)[:, -1] == 1).all()


@pytest.mark.parametrize("size", [8, 1])
def test_attention_stays_float(size):
    plan = kgn.plan_expansion(attention_net(size), 2)
    rows = {row.name: row for row in plan.table.rows}
    assert rows["excite"].becomes == "float" and "attention" in rows["excite"].reason
    assert rows["conv"].becomes == rows["project"].becomes == "W1A1"


def test_norms_of_another_axis_are_not_those_of_channels():
    model = keras.Sequential(
        [
            keras.Input((6, 5, 3)),
            L.Conv2D(8, 3, padding="same", name="first"),
            L.Conv2D(8, 3, padding="same", name="conv"),
            L.BatchNormalization(axis=1, name="rows"),
            L.Conv2D(8, 3, name="last"),
        ]
    )
    net = expand(model, 1)
    assert net.get_layer("base1_rows").gamma.shape == (6,)
    assert net.get_layer("base1_conv_bn").gamma.shape == (8,)


def test_dense_layers_of_sequences_and_maps():
    inputs = keras.Input((6, 8))
    x = L.Dense(8, name="first")(inputs)
    x = L.Dense(16, activation="gelu", name="up")(L.LayerNormalization()(x))
    x = L.Reshape((3, 2, 16))(L.Dense(8, name="down")(x)[..., None, :] * keras.ops.ones((2, 1)))
    x = L.Dense(8, name="map")(L.BatchNormalization()(x))
    model = keras.Model(inputs, L.Dense(2, name="last")(x))
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
    assert_equal_outputs(model, expand(model, 1, 32, weight_bits=32), x)
    net = expand(model, 2)
    assert net(x).shape == model(x).shape
    assert isinstance(net.get_layer("base2_down"), layers.QuantConv2D)


def test_convolutions_along_time_and_transposed_ones():
    inputs = keras.Input((12, 8))
    x = L.Conv1D(8, 3, padding="same", name="first")(inputs)
    x = L.Conv1D(8, 3, strides=2, padding="same", activation="relu", name="long")(x)
    x = L.DepthwiseConv1D(3, strides=2, padding="same", name="depthwise")(x)
    x = L.Conv1D(8, 1, dilation_rate=1, name="point")(x)
    x = L.Conv1D(8, 2, padding="causal", name="causal")(x)
    x = L.Reshape((3, 1, 8))(x)
    x = L.Conv2DTranspose(6, 3, strides=(2, 3), padding="same", name="up")(x)
    model = keras.Model(inputs, L.Conv2D(3, 1, name="last")(x))
    plan = kgn.plan_expansion(model, 2, keep=("first", "last"))
    rows = {row.name: row for row in plan.table.rows}
    assert all(rows[name].becomes == "W1A1" for name in ("long", "depthwise", "point", "up"))
    assert "causal" in rows["causal"].reason
    net = plan.build()
    assert net.output_shape == model.output_shape
    x = np.random.default_rng(0).normal(size=(3, 12, 8)).astype("float32")
    assert np.isfinite(outputs(net, x)).all()
    plain = expand(model, bases=2, weight_bits=32, activation_bits=32, noise=0.0, keep="first")
    np.testing.assert_allclose(outputs(plain, x), outputs(model, x), rtol=1e-4, atol=1e-5)
    if keras.backend.backend() == "tensorflow":
        report = kgn.convert(net, batch_size=1).report
        binary = [layer.name for layer in report.layers if layer.status == "binary"]
        assert len(binary) == 8


@pytest.mark.parametrize("name", [name for name in methods.names() if name != "group_net"])
def test_any_method_is_a_target(name):
    model = residual_net(2)
    net = expand(model, method=name)
    assert net(images()).shape == (3, 4)
    if name == "full_precision":
        assert_equal_outputs(model, net, images())
    else:
        assert kgn.summary(net, print_fn=lambda text: None).binary_weights > 0
    net.compile("sgd", "mse")
    assert np.isfinite(net.train_on_batch(images(), np.zeros((3, 4))))


def test_groups_differ():
    net = expand(residual_net(), bases=(1, 3), activation_bits=(1, 2), partition=(1, 2))
    assert net.get_layer("b1_add").scales.shape == (1,)
    assert net.get_layer("b3_add").scales.shape == (3,)
    assert not any(layer.name == "b2_add" for layer in net.layers)
    assert net.get_layer("base1_b1_conv2_quantize").quantizer.get_config() == {}
    assert net.get_layer("base3_b3_conv2_quantize").quantizer.bits == 2


def test_layerwise_is_a_sum_for_each_layer():
    net = expand(residual_net(), 2, partition="layerwise")
    for name in ("b1_conv1_sum", "b3_conv2_sum"):
        assert isinstance(net.get_layer(name), layers.GroupSum)
    assert isinstance(net.get_layer("b1_add"), L.Add)


@pytest.mark.parametrize("training", [True, False])
def test_nested_models_are_opened_with_their_mode(training):
    inner_inputs = keras.Input((8, 8, 8))
    y = L.BatchNormalization(name="norm")(L.Conv2D(8, 3, padding="same", name="conv")(inner_inputs))
    inner = keras.Model(inner_inputs, y + inner_inputs, name="inner")
    inputs = keras.Input((8, 8, 3))
    x = inner(L.Conv2D(8, 3, padding="same", name="stem")(inputs), training=training)
    model = keras.Model(inputs, L.Conv2D(4, 1, name="last")(x))
    net = expand(model, 1, 32, weight_bits=32)
    for mode in (True, False):
        y = keras.ops.convert_to_numpy(model(images(), training=mode))
        z = keras.ops.convert_to_numpy(net(images(), training=mode))
        np.testing.assert_allclose(z, y, rtol=1e-5, atol=1e-5)
    assert isinstance(expand(model, 2).get_layer("base2_conv"), layers.QuantConv2D)


def test_frozen_models_are_warned_of():
    model = residual_net()
    model.trainable = False
    with pytest.warns(UserWarning, match="6 low-bit layers, 'b1_conv1' first, stay frozen"):
        expand(model, 2)


def test_lambdas_and_adapted_normalization_are_copied():
    norm = L.Normalization()
    norm.adapt(images())
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            norm,
            L.Conv2D(4, 3),
            L.Lambda(lambda x: 2 * x),
            L.Conv2D(4, 3),
            L.Conv2D(4, 3),
        ]
    )
    assert_equal_outputs(model, expand(model, 1, 32, weight_bits=32), images())


def test_half_precision_is_kept():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = residual_net(1)
    keras.config.set_dtype_policy("float32")
    net = expand(model, 2)
    assert net.get_layer("base1_b1_conv1").compute_dtype == "bfloat16"
    assert net.get_layer("b1_add").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def test_a_low_bit_network_saves_and_loads(tmp_path):
    net = expand(attention_net(), 2, 2)
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(outputs(loaded, images()), outputs(net, images()))


def test_what_is_shared_or_unknown_stays_float_and_says_why():
    shared = L.Conv2D(8, 3, padding="same", name="shared")
    inputs = keras.Input((8, 8, 8))
    x = L.Conv2D(8, 1, name="first")(inputs)
    x = shared(shared(x))
    x = L.Reshape((8, 8, 8, 1))(x)
    x = L.Conv3D(1, 3, padding="same", name="volume")(x)
    x = L.Reshape((8, 8, 8))(x)
    x = L.Conv2D(8, 3, name="conv")(x)
    model = keras.Model(inputs, L.Conv2D(8, 1, name="last")(x))
    plan = kgn.plan_expansion(model, 1)
    rows = {row.name: row for row in plan.table.rows}
    assert "called 2 times" in rows["shared"].reason
    assert "Conv3D" in rows["volume"].reason
    assert rows["first"].reason == "first layer" and rows["last"].reason == "last layer"
    assert rows["conv"].becomes == "W1A1" and rows["conv"].reason == ""
    total = sum(row.macs for row in plan.table.rows)
    assert plan.table.binary_share == pytest.approx(rows["conv"].macs / total)
    assert rows["shared"].macs == 2 * 64 * 9 * 64
    net = plan.build()
    assert len([layer for layer in net.layers if layer.name == "shared"]) == 1
    x = images(channels=8)
    assert_equal_outputs(model, expand(model, 1, 32, weight_bits=32), x)


class NoConfig(L.Layer):
    def __init__(self, needed, **kwargs):
        super().__init__(**kwargs)
        self.needed = needed

    def get_config(self):
        return L.Layer.get_config(L.Identity(name=self.name))

    def call(self, x):
        return x * self.needed


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: keras.Sequential([L.Dense(3)]), {}, "functional or Sequential"),
        (residual_net, {"keep": "b9_conv1"}, "Did you mean"),
        (residual_net, {"partition": "v4"}, "layerwise"),
        (residual_net, {"partition": [1, 1]}, "sum to the number of blocks, 3"),
        (residual_net, {"bases": 0}, "at least 1"),
        (residual_net, {"bases": (1, 2)}, "one for each group: 3"),
        (residual_net, {"activation_bits": 3}, "must be one of"),
        (residual_net, {"weight_bits": 2}, "32 for float kernels"),
        (residual_net, {"wiring": "bi_real"}, "leave `wiring` out"),
        (residual_net, {"method": "bnn", "bases": 2}, "goes without"),
        (residual_net, {"method": "bnn", "partition": "v1"}, "has no groups"),
        (residual_net, {"method": "bnnn"}, "must be one of"),
        (residual_net, {"keep": [L.Conv2D, L.Dense]}, "No layer of 'residual_net'"),
        (
            lambda: keras.Sequential(
                [keras.Input((4,)), L.Dense(3), NoConfig(2), L.Dense(3), L.Dense(3)]
            ),
            {},
            "cannot be copied",
        ),
    ],
)
def test_errors_say_what_to_do(make, options, message):
    with pytest.raises(ValueError, match=message):
        expand(make(), **options)


def test_unknown_options_are_type_errors():
    with pytest.raises(TypeError, match="no argument 'basis'"):
        expand(residual_net(), basis=3)
    with pytest.raises(TypeError, match="names, classes and functions"):
        expand(residual_net(), keep=[3])


def test_keep_takes_names_classes_and_functions():
    model = residual_net()
    for keep, names in [
        (["b1_*", "b3_conv2"], {"b1_conv1", "b1_conv2", "b3_conv2"}),
        (L.Dense, {"fc"}),
        (lambda layer: layer.name.endswith("conv1"), {"b1_conv1", "b2_conv1", "b3_conv1"}),
        ((), set()),
        (["first", "b2_conv1"], {"stem", "b2_conv1"}),
    ]:
        rows = kgn.plan_expansion(model, 1, keep=keep).table.rows
        assert {row.name for row in rows if row.becomes == "float"} == names


def test_the_table_is_printed_and_shown(capsys):
    net = kgn.expand(residual_net(), 2)
    printed = capsys.readouterr().out
    assert "b1_conv1" in printed and "2 x W1A1" in printed and net.name == "residual_net"
    table = kgn.plan_expansion(residual_net(), 2).table
    assert table._repr_html_().count("<tr>") == len(table.rows) + 1
    assert [row["name"] for row in table.records()] == [row.name for row in table.rows]
    open_sizes = keras.Sequential(
        [keras.Input((None, None, 3)), L.Conv2D(4, 3), L.Conv2D(4, 3), L.Conv2D(4, 3)]
    )
    table = kgn.plan_expansion(open_sizes, 2).table
    assert table.binary_share is None and "%" not in str(table)
