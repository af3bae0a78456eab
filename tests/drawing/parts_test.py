"""What models are taken apart into: told by their tensors, each layer drawn once."""

import functools

import keras
import pytest

import keras_groupnet as kgn
from keras_groupnet.deployment.layer_tree import layer_tree, own_kernels
from keras_groupnet.drawing.keras_network import keras_network
from keras_groupnet.drawing.parts import Box, Branches, Group, Repeat, Tangle, boxes_of, take_apart

L = keras.layers


def parts_of(model, *args):
    return take_apart(keras_network(model, *args))


def kinds(parts):
    return [type(part).__name__ for part in parts]


def layers_in(parts):
    """Names of the layers with kernels that are drawn."""
    return sorted(node.name for box in boxes_of(parts) for node in box.heavy)


def kernels(model):
    tree = layer_tree(model)
    return sorted(tree[layer] for layer in own_kernels(tree))


@functools.cache
def resnet(**options):
    return kgn.models.ResNet(
        (8, 8, 3), 4, stem="cifar", blocks=(1, 1), filters=(8, 16), **({"bases": 2} | options)
    )


def groups_in(parts):
    found = []
    for part in parts:
        if isinstance(part, Group):
            found.append(part)
        elif isinstance(part, Branches):
            found += [group for branch in part.branches for group in groups_in(branch)]
    return found


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({"partition": "v1"}, 2),
        ({"partition": "v2"}, 1),
        ({"partition": "v3"}, 1),
        ({"partition": "layerwise"}, 4),
        ({"partition": "v1", "wiring": "block_shortcut", "shortcut": "float"}, 2),
        ({"partition": "v1", "activation_bits": 2, "skip": "quantized"}, 2),
    ],
)
def test_groups_and_bases(options, groups):
    model = resnet(**options)
    parts = parts_of(model)
    found = groups_in(parts)
    assert len(found) == groups
    assert all(len(group.bases) == 2 for group in found)
    assert layers_in(parts) == kernels(model)
    bits = {node.bits for box in boxes_of(parts) for node in box.heavy}
    assert f"W1A{options.get('activation_bits', 1)}" in bits and "float" in bits


def test_a_shared_shortcut_stands_beside_the_bases():
    first, second = groups_in(parts_of(resnet(partition="v1")))
    assert not first.shared
    assert [box.title for box in second.shared] == ["stage2_block1_shortcut_conv"]
    assert [node.text for node in second.head] == ["BN", "sign"]


def test_groups_are_found_without_names():
    inputs = keras.Input((8, 8, 4))
    x = L.Conv2D(4, 3, padding="same")(inputs)
    bases = [L.Conv2D(4, 3, padding="same", name=name)(x) for name in ("this", "that")]
    bases = [L.ReLU()(L.Add()([base, x])) for base in bases]
    outputs = L.Flatten()(kgn.layers.GroupSum()(bases))
    model = keras.Model(inputs, outputs)
    parts = parts_of(model)
    assert kinds(parts) == ["Box", "Box", "Group", "Box"]
    assert [base[0].skip for base in parts[2].bases] == ["+", "+"]


@pytest.mark.parametrize("name", kgn.methods.names())
def test_every_method(name):
    model = kgn.models.ResNet((8, 8, 3), 4, method=name, stem="cifar", blocks=(1,), filters=(8,))
    parts = parts_of(model)
    assert layers_in(parts) == kernels(model)
    assert not any(isinstance(part, Tangle) for part in parts)


def test_a_block_names_its_layers_and_its_shortcut():
    model = resnet(bases=None)
    _, stem, first, second, head = parts_of(model)
    assert first.title == "stage1_block1" and first.skip == "+" and not first.shortcut
    assert [node.text for node in second.heavy] == [
        "conv 3×3, 16 /2",
        "conv 3×3, 16",
        "conv 1×1, 16 /2",
    ]
    assert [node.text for node in second.shortcut] == ["conv 1×1, 16 /2", "BN"]
    assert stem.title == "stem_conv" and head.title == "fc"


def test_numbers_are_no_common_name():
    inputs = keras.Input((4,))
    x = L.Dense(4, name="dn_3")(L.Dense(8, name="dn_2")(inputs))
    _, block = parts_of(keras.Model(inputs, L.Add()([inputs, x])))
    assert block.title == "dn_2 …" and block.skip == "+"


def test_several_inputs_and_outputs():
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    x = L.Concatenate()([L.Dense(3)(left), L.Dense(3)(right)])
    x = L.Dense(4)(x)
    model = keras.Model([left, right], {"what": L.Dense(2)(x), "where": L.Dense(2)(x)})
    parts = parts_of(model)
    assert kinds(parts) == ["Branches", "Box", "Branches"]
    assert [branch[0].title for branch in parts[0].branches] == ["left", "right"]
    assert parts[0].join.text == "concat" and parts[2].join is None
    assert layers_in(parts) == kernels(model)


def test_long_sequences_are_folded():
    model = keras.Sequential([keras.Input((8,)), *(L.Dense(8) for _ in range(20)), L.Dense(2)])
    parts = parts_of(model)
    assert kinds(parts) == ["Box", "Repeat", "Box"]
    assert isinstance(parts[1], Repeat) and parts[1].count == 20 and len(parts[1].parts) == 1
    pairs = [layer for _ in range(8) for layer in (L.Dense(8), L.Dense(16))]
    folded = parts_of(keras.Sequential([keras.Input((4,)), *pairs]))
    assert [len(part.parts) for part in folded if isinstance(part, Repeat)] == [2]


def test_nested_shared_and_squeezed():
    inside = keras.Input((8, 8, 4))
    x = L.Conv2D(4, 3, padding="same", name="conv")(inside)
    gate = L.Dense(4, "sigmoid", name="gate")(L.GlobalAveragePooling2D(keepdims=True)(x))
    block = keras.Model(inside, L.Add()([inside, L.Multiply()([x, gate])]), name="block")
    inputs = keras.Input((8, 8, 4))
    outputs = L.Dense(2)(L.Flatten()(L.Dropout(0.5)(block(block(inputs)))))
    parts = parts_of(keras.Model(inputs, outputs))
    assert kinds(parts) == ["Box", "Box", "Box", "Box"]
    assert layers_in(parts).count("block/conv") == 2
    assert [part.skip for part in parts] == ["", "+", "+", ""]


def test_skips_of_a_u_net_are_nested():
    inputs = keras.Input((16, 16, 2))
    top = L.Conv2D(4, 3, padding="same")(inputs)
    middle = L.Conv2D(8, 3, padding="same")(L.MaxPooling2D()(top))
    low = L.Conv2D(8, 3, padding="same")(L.MaxPooling2D()(middle))
    x = L.Conv2D(8, 3, padding="same")(L.Concatenate()([L.UpSampling2D()(low), middle]))
    x = L.Concatenate()([L.UpSampling2D()(x), top])
    model = keras.Model(inputs, L.Conv2D(2, 1)(x))
    parts = parts_of(model)
    outer = next(part for part in parts if isinstance(part, Branches))
    assert outer.skip and any(isinstance(part, Box) and part.skip for part in outer.branches[0])
    assert layers_in(parts) == kernels(model)


def test_what_is_no_series_of_branches_is_a_tangle():
    inputs = keras.Input((4,))
    a, b = L.Dense(4)(inputs), L.Dense(4)(inputs)
    c, d = L.Add()([a, b]), L.Subtract()([a, b])
    model = keras.Model(inputs, L.Concatenate()([L.Dense(3)(c), L.Dense(3)(d), a]))
    parts = parts_of(model)
    assert any(isinstance(part, Tangle | Branches) for part in parts)
    assert layers_in(parts) == kernels(model)


class Unseen(keras.Model):
    """Adds by a function, whose tensors nobody sees."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.last = L.Dense(4), L.Dense(4), L.Dense(2)

    def call(self, inputs):
        return self.last(self.left(inputs) + keras.ops.relu(self.right(inputs)))


def test_a_subclassed_model():
    model = Unseen()
    model(keras.ops.zeros((1, 8)))
    parts = parts_of(model, (8,))
    assert layers_in(parts) == kernels(model)
    # The last layer reads what the function made of both.
    assert parts[-1].join.name == model.last.name and len(parts[-1].branches) == 2


def test_sizes_that_are_open_are_not_invented():
    model = kgn.models.ResNet((None, None, 3), 4, 2, stem="cifar", blocks=(1,), filters=(8,))
    network = keras_network(model)
    assert network.nodes[0].shape == (None, None, 3)
    assert all(None in node.shape for node in network.nodes if len(node.shape) == 3)


def test_a_model_that_is_not_built():
    with pytest.raises(ValueError, match="built"):
        keras_network(keras.Sequential([L.Dense(2)]))
    with pytest.raises(ValueError, match="Received: model='model.keras'"):
        keras_network("model.keras")
