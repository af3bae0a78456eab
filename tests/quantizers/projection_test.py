"""PCNN's equations on examples worked out by hand, and finite differences."""

import numpy as np
import pytest
from keras import ops

from keras_groupnet.quantizers import projection
from tests.tensors import array, value_and_gradient

# Two weights of one filter, two scalar projections, d_j at both results.
KERNEL = np.reshape([0.4, -0.2], (1, 1, 2, 1)).astype("float32")
PROJECTIONS = np.reshape([0.5, 2.0], (2, 1, 1)).astype("float32")
UPSTREAM = np.reshape([[1.0, 0.0], [-1.0, 2.0]], (1, 1, 2, 2)).astype("float32")


def gradients(kernel=KERNEL, projections=PROJECTIONS, upstream=UPSTREAM, **options):
    _, to_kernel = value_and_gradient(
        lambda c: projection.project(c, projections, **options), kernel, upstream
    )
    _, to_projections = value_and_gradient(
        lambda w: projection.project(kernel, w, **options), projections, upstream
    )
    return to_kernel, to_projections


@pytest.mark.parametrize(
    "factor, levels, level, expected",
    [
        (1, 3, 1.0, [-1, 0, 0, 1]),
        (2, 3, 1.0, [-1, -1, 0, 1]),
        (-1, 3, 1.0, [1, 0, 0, -1]),
        (1, 2, 0.3, [-0.3, -0.3, 0.3, 0.3]),
    ],
)
def test_nearest_level_projects_and_breaks_ties(factor, levels, level, expected):
    x = np.array([-0.8, -0.3, 0.1, 0.6], "float32")
    result = projection.nearest_level(ops.convert_to_tensor(factor * x), level, levels)
    np.testing.assert_allclose(array(result), expected)


def test_a_tie_goes_to_the_upper_of_two_levels():
    result = projection.nearest_level(ops.convert_to_tensor([0.0, -0.0]), 0.3, 2)
    np.testing.assert_allclose(array(result), [0.3, 0.3])


def test_projection_loss_gradients_by_hand():
    with_loss = gradients(learning_rate=0.1, weight=1e-4)
    without = gradients(learning_rate=0.1, weight=0.0)
    to_kernel, to_projections = (a - b for a, b in zip(with_loss, without, strict=True))
    np.testing.assert_allclose(to_kernel.ravel(), [0.975e-4, 0.675e-4], rtol=5e-3)
    np.testing.assert_allclose(to_projections.ravel(), [-0.07e-4, 0.2e-4], rtol=2e-2)


def test_task_gradients_by_hand():
    to_kernel, to_projections = gradients(weight=0.0)
    np.testing.assert_allclose(to_kernel.ravel(), [0.5, 3.5], rtol=1e-6)
    np.testing.assert_allclose(to_projections.ravel(), [0.6, -0.4], rtol=1e-6)
    stepped = KERNEL - 0.01 * gradients(learning_rate=0.1)[0]
    np.testing.assert_allclose(stepped.ravel(), [0.394999, -0.235001], atol=1e-6)


def test_the_window_stops_task_gradients_only():
    kernel = np.full((1, 1, 1, 1), 1.5, "float32")
    one = np.ones((1, 1, 1), "float32")
    upstream = np.ones((1, 1, 1, 1), "float32")
    to_kernel, to_projection = gradients(kernel, one, upstream, weight=0.0)
    assert to_kernel.item() == to_projection.item() == 0
    # D = mean|C| = C here: the projection loss pulls nowhere but for the step.
    to_kernel, _ = gradients(kernel, one, upstream, weight=0.5, learning_rate=0.1)
    np.testing.assert_allclose(to_kernel.item(), 0.5 * 0.1, rtol=1e-5)


def test_projection_loss_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 4, 2))
    projections = rng.normal(size=(2, 3, 3))
    upstream = rng.normal(size=(3, 3, 4, 4))
    projected = array(projection.project(kernel.astype("float32"), projections.astype("float32")))

    def loss(c, w):
        moved = c[..., None] + 0.05 * upstream.reshape(3, 3, 4, 2, 2)
        wide = w.transpose(1, 2, 0)[:, :, None, None]
        return 0.5 * 0.7 * np.sum((projected.reshape(moved.shape) - wide * moved) ** 2)

    options = {"learning_rate": 0.05}
    arguments = kernel.astype("float32"), projections.astype("float32"), upstream.astype("float32")
    received = [
        a - b
        for a, b in zip(
            gradients(*arguments, weight=0.7, **options),
            gradients(*arguments, weight=0.0, **options),
            strict=True,
        )
    ]
    for which, gradient in enumerate(received):
        for index in [(0, 0, 0, 0), (2, 1, 3, 1)] if which == 0 else [(0, 0, 0), (1, 2, 1)]:
            values = []
            for step in (1e-5, -1e-5):
                point = [kernel.copy(), projections.copy()]
                point[which][index] += step
                values.append(loss(*point))
            expected = (values[0] - values[1]) / 2e-5
            np.testing.assert_allclose(gradient[index], expected, rtol=2e-4, atol=1e-5)


def test_the_mean_makes_all_kernels_equal_and_elementwise_does_not():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 4, 1)).astype("float32")
    projections = rng.normal(size=(4, 3, 3)).astype("float32")
    mean = array(projection.project(kernel, np.abs(projections), forward="mean"))
    assert (mean == mean[..., :1]).all()
    signed = array(projection.project(kernel, projections, forward="mean"))
    assert (
        (signed == signed[..., :1]).all((0, 1, 2)) | (signed == -signed[..., :1]).all((0, 1, 2))
    ).all()
    elementwise = array(projection.project(kernel, projections))
    assert len({elementwise[..., j].tobytes() for j in range(4)}) == 4


def test_the_mean_is_for_the_forward_pass_only():
    rng = np.random.default_rng(0)
    projections = rng.uniform(0.5, 1.5, size=(2, 3, 3)).astype("float32")
    kernel = rng.normal(size=(3, 3, 2, 2)).astype("float32")
    upstream = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    # All are positive, so both forms have the same D, and then the same gradients.
    for one, other in zip(
        gradients(kernel, projections, upstream, forward="mean"),
        gradients(kernel, projections, upstream),
        strict=True,
    ):
        np.testing.assert_allclose(one, other)


def test_reconstruction_from_several_projections():
    # Where the projection loss is zero, the mean of D_j / W_j is C (Eq. 3.41).
    kernel = np.reshape([0.7, -1.1], (1, 1, 2, 1)).astype("float32")
    exact = (kernel[..., None] * PROJECTIONS.ravel()).reshape(1, 1, 2, 2)
    assert float(projection.projection_loss(kernel, PROJECTIONS, exact)) == 0
    np.testing.assert_allclose((exact / PROJECTIONS.ravel()).mean(-1).ravel(), [0.7, -1.1])


@pytest.mark.parametrize("norm, expected", [("kernel", 1.0), ("weight", 0.5)])
def test_level_of_either_norm(norm, expected):
    # Two kernels of two weights, output channels last.
    kernel = np.reshape([[0.2, 0.6], [-0.4, -0.8]], (1, 1, 2, 2)).astype("float32")
    np.testing.assert_allclose(float(projection.outer_level(kernel, 2, norm)), expected)


def test_ternary_codes_by_hand():
    kernel = np.reshape([0.9, -0.1, 0.4, -0.6], (1, 1, 4, 1)).astype("float32")
    projected = array(projection.project(kernel, np.ones((1, 1, 1), "float32"), levels=3))
    np.testing.assert_allclose(projected.ravel(), np.array([1, 0, 1, -1]) * 2 * 0.35, rtol=1e-6)


def test_channels_of_one_feature_map_are_neighbours():
    projections = np.reshape([1.0, -1.0], (2, 1, 1)).astype("float32")
    projected = array(projection.project(KERNEL, projections))
    np.testing.assert_allclose(projected[0, 0], [[0.3, -0.3], [-0.3, 0.3]], rtol=1e-6)
    two_maps = np.concatenate([KERNEL, -2 * KERNEL], axis=-1)
    projected = array(projection.project(two_maps, projections))
    np.testing.assert_array_equal(np.sign(projected[0, 0, 0]), [1, -1, -1, 1])


def test_projection_loss_without_the_step_by_hand():
    projected = projection.project(KERNEL, PROJECTIONS)
    # W_1 C = (.2, -.1), W_2 C = (.8, -.4), D = (+-.3).
    expected = 0.5 * (0.1**2 + 0.2**2 + 0.5**2 + 0.1**2)
    loss = projection.projection_loss(KERNEL, PROJECTIONS, projected, weight=1.0)
    np.testing.assert_allclose(float(loss), expected, rtol=1e-6)
