"""What the latent weights of one binary layer look like, in numpy."""

import numpy as np

BINS = 32
LIMIT = 1.5  # of the histogram, in units of twice mean|w|
_ROUNDING = 1e-5  # of thousands of float32 updates, relative to a kernel's norm


def mean_magnitude(latent: np.ndarray) -> float:
    """`mean|w|`."""
    return float(np.abs(latent).mean())


def near_zero_share(latent: np.ndarray, epsilon: float = 0.1) -> float:
    """The share of weights with `|w| < epsilon * mean|w|`: a small step changes their sign.

    For `epsilon = 0.1` it is 0.050 of uniformly distributed weights, `epsilon / 2`, and 0.064 of
    Gaussian ones, `2 Phi(epsilon sqrt(2 / pi)) - 1`. Weights that are all 0 are all near zero.
    """
    magnitude = np.abs(latent)
    bound = epsilon * magnitude.mean()
    return float((magnitude < bound).mean()) if bound > 0 else 1.0


def latent_histogram(latent: np.ndarray) -> np.ndarray:
    """Counts of `w / (2 mean|w|)` in 32 equal bins of [-1.5, 1.5], `(32,)` ints.

    In this unit weights that are uniform around 0 fill [-1, 1]; of Gaussian ones 98.3 % lie inside
    of [-1.5, 1.5]. What lies outside counts in the outermost bins, so that the counts add up to the
    number of weights. Bins 16 and up are those of positive weights.
    """
    unit = 2 * np.abs(latent).mean()
    scaled = latent.ravel() / unit if unit > 0 else np.zeros(latent.size)
    limit = np.nextafter(LIMIT, 0)
    counts, _ = np.histogram(np.clip(scaled, -limit, limit), BINS, (-LIMIT, LIMIT))
    return counts


def still_channels(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which kernels did not learn: they are what they were, or a multiple of it.

    Without a gradient the kernel w of an output channel only shrinks by weight decay, to `a w`. So
    it is still if nothing is left of the new kernel v without its part along w,

        ||v - (v.w / w.w) w|| <= 1e-5 ||v||

    and, if it is a single weight, if it does not change. Momentum moves a kernel on for a while
    after its last gradient.

    Args:
        before: `(..., channels)`.
        after: that shape, later.

    Returns:
        Bools, `(channels,)`.
    """
    w, v = (x.reshape(-1, x.shape[-1]).astype(np.float64) for x in (before, after))
    if len(w) == 1:
        return (w == v)[0]
    squares = (w * w).sum(0)
    along = np.divide((v * w).sum(0), squares, out=np.zeros_like(squares), where=squares > 0)
    left = np.linalg.norm(v - along * w, axis=0)
    return left <= _ROUNDING * np.linalg.norm(v, axis=0)
