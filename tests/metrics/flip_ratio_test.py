import keras
import numpy as np
import pytest

from keras_groupnet import layers, metrics
from tests.steps import digits
from tests.tensors import array


def test_by_hand():
    metric = metrics.FlipRatio((2, 2))
    metric.update_state(np.array([[1.0, -1.0], [0.0, 0.5]]))
    assert float(metric.result()) == 0
    metric.update_state(np.array([[-1.0, -1.0], [0.1, 0.5]]))  # 1 of 4
    metric.update_state(np.array([[1.0, 1.0], [0.1, -0.5]]))  # 3 of 4
    assert float(metric.result()) == 0.5
    metric.reset_state()
    assert float(metric.result()) == 0
    # The weights of before are remembered.
    metric.update_state(np.array([[1.0, 1.0], [0.1, 0.5]]))
    assert float(metric.result()) == 0.25
    with pytest.raises(ValueError, match=r"shape \(2, 2\). Received: .*\(4,\)"):
        metric.update_state(np.zeros(4))
    assert metrics.FlipRatio.from_config(metric.get_config()).shape == (2, 2)


class Watched(layers.QuantConv2D):
    """The example of the docstring."""

    def build(self, input_shape):
        super().build(input_shape)
        self.flips = metrics.FlipRatio(self.kernel.shape)

    def call(self, inputs, training=False):
        if training:
            self.flips.update_state(self.kernel)
        return super().call(inputs)


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="Keras drops what a layer's metric learns in `call`"
)
def test_a_layer_reports_it_in_fit():
    layer = Watched(4, 3, kernel_quantizer="ste_sign")
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1.0), loss)
    x, y = digits(16)
    signs = []

    class Signs(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            getattr(self.model, "jax_state_sync", lambda: None)()
            signs.append(array(layer.kernel) < 0)

    history = model.fit(
        x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[Signs()]
    ).history["flip_ratio"]
    flips = [(a != b).mean() for a, b in zip(signs, signs[1:], strict=False)]
    assert sum(flips) > 0
    np.testing.assert_allclose(history, [np.mean(flips[:3]), np.mean(flips[3:])], rtol=1e-5)
