"""Start a Group-Net from its trained full-precision parent."""

import dataclasses
import zlib

import keras
import numpy as np

from keras_groupnet.layers import RectifiedConv2D
from keras_groupnet.structure.scope import parent_name


@dataclasses.dataclass(frozen=True)
class TransferReport:
    """What `transfer_weights` did.

    Attributes:
        copied: names of layers of the Group-Net -> names of the parent's layers they come from.
        skipped: names of the Group-Net's layers with weights that the parent does not have (sums,
            batch norms in front of quantizers); they keep their initial weights.
    """

    copied: dict[str, str]
    skipped: tuple[str, ...]


def transfer_weights(
    parent: keras.Model, groupnet: keras.Model, noise: float = 0.5, seed: int = 0
) -> TransferReport:
    """Copies the weights of each layer of the parent into every base of the Group-Net.

    The paper trains networks with 1-bit activations from such a start. Layers correspond by name:
    `stage1_block1_conv1` goes to `stage1_block1_base1_conv1`, `stage1_block1_base2_conv1`, ...
    (`structure.scope.parent_name`).

    Bases that start equal, with equal scales, get equal gradients and stay equal for ever: the
    group would be worth one base. So each base's kernel gets Gaussian noise of its own, `noise`
    times the standard deviation of the kernel. The signs then differ where the kernel is small,
    and their sum comes nearer to the float kernel: for a Gaussian kernel and five bases the squared
    error of the best multiple falls from 0.36 of the variance (no noise) to 0.24 (0.5, the
    minimum).

    The models of other methods start so, too: their kernels are copied, variables that the parent
    does not have stay as they are (C of `RectifiedConv2D` is set to `mean|W|`).

    Args:
        parent: made with `bases=None`.
        groupnet: made with the same arguments and K bases, or another `method`.
        noise: relative to the standard deviation of each kernel; 0 for exact copies.
        seed: of the noise.

    Returns:
        A `TransferReport`.

    Raises:
        ValueError: if `noise` is negative, if no layer corresponds, or if shapes differ; the
            Group-Net is then unchanged.
    """
    if noise < 0:
        raise ValueError(f"`noise` must be at least 0. Received: noise={noise!r}")
    parents = {layer.name: layer for layer in parent.layers if layer.weights}
    pairs, skipped = [], []
    for layer in groupnet.layers:
        if not layer.weights:
            continue
        source = parents.get(layer.name) or parents.get(parent_name(layer.name))
        if source is None:
            skipped.append(layer.name)
            continue
        _check_shapes(source, layer)
        pairs.append((source, layer))
    if not pairs:
        raise ValueError(
            "No layer of the Group-Net has a counterpart of the same name in the parent. "
            f"Received: parent={parent.name!r}, groupnet={groupnet.name!r}"
        )
    for source, layer in pairs:
        values = [keras.ops.convert_to_numpy(variable) for variable in _shared(source)]
        if layer.name != source.name and not isinstance(layer, keras.layers.BatchNormalization):
            values[0] = perturbed(values[0], layer.name, noise, seed)
        for variable, value in zip(_shared(layer), values, strict=True):
            variable.assign(value)
        if isinstance(layer, RectifiedConv2D):
            layer.fit_c()
    return TransferReport({layer.name: source.name for source, layer in pairs}, tuple(skipped))


def _shared(layer):
    """The variables that a layer shares with its counterpart, not those of a method alone."""
    own = [getattr(layer, name, None) for name in ("kernel", "bias")]
    return [variable for variable in own if variable is not None] or layer.weights


def _check_shapes(source, layer):
    expected = [tuple(variable.shape) for variable in _shared(layer)]
    received = [tuple(variable.shape) for variable in _shared(source)]
    if expected != received:
        raise ValueError(
            f"Layer {layer.name!r} needs weights of shapes {expected}. "
            f"Received: {received} from the parent's layer {source.name!r}. "
            "Build both models with the same arguments"
        )


def perturbed(weight: np.ndarray, name: str, noise: float, seed: int) -> np.ndarray:
    """A kernel with Gaussian noise.

    Args:
        weight: the kernel.
        name: of the layer that it is for, on which the noise depends.
        noise: relative to the standard deviation of the kernel.
        seed: of the noise.
    """
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    deviation = generator.normal(size=weight.shape) * noise * weight.std()
    return (weight + deviation).astype(weight.dtype)


def start_kernel(layer: keras.layers.Layer, kernel: np.ndarray, noise: float, seed: int) -> None:
    """Lets the latent kernel of a low-bit layer start from a float kernel.

    Latent kernels of another shape (PCNN, MCN) stay as they are.

    Args:
        layer: built.
        kernel: of its parent.
        noise: as in `perturbed`.
        seed: of the noise.
    """
    if tuple(layer.kernel.shape) != kernel.shape:
        return
    layer.kernel.assign(perturbed(kernel, layer.name, noise, seed))
    if isinstance(layer, RectifiedConv2D):
        layer.fit_c()
