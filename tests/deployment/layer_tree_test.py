import keras
import numpy as np

from keras_groupnet.deployment.layer_tree import (
    layer_tree,
    leaf_layers,
    own_kernels,
    own_weights,
)
from keras_groupnet.layers import QuantDense

L = keras.layers


class Nest(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.direct = L.Dense(2, name="direct")
        self.listed = [[L.Dense(2, name="listed")], (L.Dense(2, name="direct"),)]
        self.named = {"a": {"b": L.Dense(2, name="named")}}
        self.again = self.direct

    def call(self, x):
        for layer in (self.direct, self.listed[0][0], self.listed[1][0], self.named["a"]["b"]):
            x = layer(x)
        return x


def built(layer, size=2):
    inputs = keras.Input((size,))
    return keras.Model(inputs, layer(inputs), name="whole")


def test_layers_in_attributes_lists_and_dicts_once_each():
    model = built(Nest(name="nest"))
    names = layer_tree(model)
    inside = [name for name in names.values() if name.startswith("nest/")]
    assert sorted(inside) == ["nest/direct", "nest/direct_2", "nest/listed", "nest/named"]
    assert len(set(names.values())) == len(names)
    assert model not in names


def test_wrappers_and_nested_models():
    inner = keras.Sequential([keras.Input((3,)), L.Dense(2, name="dense")], name="inner")
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, L.TimeDistributed(inner, name="steps")(inputs))
    assert "steps/inner/dense" in layer_tree(model).values()


def test_quantizers_belong_to_their_layer():
    class Learned(L.Layer):
        precision = 1

        def call(self, x):
            return x

    layer = QuantDense(2, input_quantizer=Learned(), kernel_quantizer="binary_weight", name="q")
    assert list(layer_tree(built(layer)).values())[-1] == "q"


def test_a_weight_belongs_to_the_innermost_layer_that_has_it():
    class Around(keras.Model):
        def __init__(self, inner):
            super().__init__(name="around")
            self.inner = inner
            self.own = self.add_weight(shape=(3, 3), name="own")

        def call(self, x):
            return self.inner(x) + keras.ops.sum(self.own)

    inner = keras.Sequential([L.Dense(2, name="dense"), L.BatchNormalization(name="bn")], name="s")
    model = built(Around(inner))
    tree = layer_tree(model)
    own = {tree[layer]: [w.name for w in weights] for layer, weights in own_weights(tree).items()}
    assert own["around"] == ["own"] and own["around/s"] == []
    assert own["around/s/dense"] == ["kernel", "bias"] and len(own["around/s/bn"]) == 4
    assert sum(len(names) for names in own.values()) == len(model.weights)
    kernels = {tree[layer]: count for layer, count in own_kernels(tree).items()}
    assert kernels == {"around": 9, "around/s/dense": 4}


def test_leaf_layers_are_those_of_nested_models():
    inner = keras.Sequential([L.Dense(2, name="dense")], name="inner")
    model = built(inner)
    model(np.zeros((1, 2)))
    assert [layer.name for layer in leaf_layers(model)][1:] == ["dense"]
