"""The papers' augmentation of small images."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class CropAndFlip:
    """Pads with zeros, crops to the old size at random, mirrors every other image at random.

    Zero is black for images in [0, 1] and the mean colour for standardized ones.

    Args:
        padding: pixels on each side; 4 for CIFAR.
        flip: whether images are mirrored left to right; not for digits.

    References:
        He et al., arXiv 1512.03385, section 4.2.
    """

    padding: int = 4
    flip: bool = True

    def __call__(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Returns changed images.

        Args:
            images: `(N, H, W, C)`.
            generator: source of randomness.
        """
        count, height, width, _ = images.shape
        margin = (self.padding, self.padding)
        padded = np.pad(images, ((0, 0), margin, margin, (0, 0)))
        # View (N, 2p + 1, 2p + 1, C, H, W): every crop of every image, none copied yet.
        crops = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        tops, lefts = generator.integers(0, 2 * self.padding + 1, (2, count))
        images = crops[np.arange(count), tops, lefts].transpose(0, 2, 3, 1)
        if self.flip:
            mirrored = generator.random(count) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
        return np.ascontiguousarray(images)
