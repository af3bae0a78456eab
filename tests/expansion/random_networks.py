"""Random functional models of everything that networks are made of."""

import keras
import numpy as np

L = keras.layers
_ACTIVATIONS = ("relu", "relu6", "silu", "gelu", "hard_sigmoid", "tanh", "linear")


def randomise(model: keras.Model, random: np.random.Generator | None = None) -> keras.Model:
    """Gives biases and batch norms values as after training."""
    random = random or np.random.default_rng(0)
    for variable in model.weights:
        if variable.path.endswith(("beta", "bias", "moving_mean")):
            variable.assign(random.normal(0, 0.3, variable.shape))
        elif variable.path.endswith(("gamma", "moving_variance")):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return model


class RandomNetwork:
    """Draws a model: chains, residual and dense blocks, branches, attention, nested models."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)

    def model(self, size: int = 8, stages: int = 3) -> keras.Model:
        inputs = keras.Input((size, size, 3))
        x = L.Conv2D(8, 3, padding="same", activation=self.activation())(inputs)
        for _ in range(stages):
            x = self.stage(x)
        x = L.GlobalAveragePooling2D()(x)
        if self.chance(0.5):
            x = L.Dropout(0.1)(L.Dense(8, activation=self.activation())(x))
        outputs = L.Dense(4)(x)
        if self.chance(0.2):
            outputs = [outputs, L.Dense(2, activation="softmax")(x)]
        return randomise(keras.Model(inputs, outputs), self.random)

    def stage(self, x):
        return self.pick(
            [self.chain, self.residual, self.dense, self.branches, self.attention, self.nested]
        )(x)

    def layer(self, x, filters=None, strides=1):
        """One layer with a kernel, and what stands around it."""
        filters = filters or int(self.pick([8, 16]))
        own = {"strides": strides, "padding": "same"}
        options = {"use_bias": self.chance(0.5), "activation": self.activation(0.3)}
        kind = self.pick(["conv", "grouped", "separable", "padded", "pre", "dense"])
        if kind == "conv":
            x = L.Conv2D(filters, self.pick([1, 3, (1, 3)]), **own, **options)(x)
        elif kind == "grouped":
            x = L.Conv2D(filters, 3, groups=2, **own, **options)(x)
        elif kind == "separable":
            x = L.SeparableConv2D(filters, 3, depth_multiplier=2, **own, **options)(x)
        elif kind == "padded":
            x = L.ZeroPadding2D(((1, 1), (2, 0)))(x)
            x = L.DepthwiseConv2D(3, strides=strides, **options)(x)
            x = L.Conv2D(filters, 1)(self.normalized(x))
        elif kind == "pre":
            x = L.Activation(self.activation())(L.BatchNormalization()(x))
            x = L.Conv2D(filters, 3, **own)(x)
        else:
            x = L.Dense(filters, **options)(x)
            x = L.MaxPooling2D(strides, padding="same")(x) if strides > 1 else x
        return self.normalized(x)

    def normalized(self, x):
        x = self.pick(
            [L.BatchNormalization(), L.BatchNormalization(), L.LayerNormalization(), L.Identity()]
        )(x)
        return self.pick(
            [L.ReLU(6.0), L.LeakyReLU(), L.Activation("gelu"), keras.ops.relu, L.Dropout(0.2)]
        )(x)

    def chain(self, x):
        for _ in range(self.random.integers(1, 4)):
            x = self.layer(x, strides=int(self.pick([1, 1, 2])))
        return x

    def residual(self, x):
        y = self.layer(self.layer(x), x.shape[-1])
        y = L.Add()([x, y]) if self.chance(0.5) else x + y
        return L.ReLU()(y) if self.chance(0.5) else y

    def dense(self, x):
        for _ in range(2):
            x = L.Concatenate()([x, self.layer(x, 8)])
        return x

    def branches(self, x):
        ways = [self.chain_of_same_size(x) for _ in range(3)] + [
            L.AveragePooling2D(3, 1, "same")(x)
        ]
        return L.Concatenate()(ways)

    def chain_of_same_size(self, x):
        for _ in range(self.random.integers(1, 3)):
            x = self.layer(x)
        return x

    def attention(self, x):
        y = self.layer(x)
        channels = y.shape[-1]
        if self.chance(0.5):
            z = L.GlobalAveragePooling2D(keepdims=True)(y)
            z = L.Conv2D(channels, 1, activation="sigmoid")(L.Conv2D(4, 1, activation="relu")(z))
        else:
            z = L.Dense(channels, activation="sigmoid")(L.GlobalAveragePooling2D()(y))
            z = L.Reshape((1, 1, channels))(z)
        return L.Multiply()([y, z])

    def nested(self, x):
        inputs = keras.Input(x.shape[1:])
        inner = keras.Model(inputs, self.residual(self.layer(inputs, x.shape[-1])))
        x = inner(x)
        return inner(x) if self.chance(0.5) else x

    def activation(self, likely: float = 1.0):
        return self.pick(_ACTIVATIONS) if self.chance(likely) else None

    def chance(self, likely: float) -> bool:
        return self.random.random() < likely

    def pick(self, choices):
        return choices[self.random.integers(len(choices))]
