"""`plot`: a model as a picture, as in Fig. 2 of Group-Net, arXiv 1808.02631."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from keras_groupnet.atomic_file import check_folder, write_atomically
from keras_groupnet.drawing.keras_network import keras_network
from keras_groupnet.drawing.layout import lay_out
from keras_groupnet.drawing.network import Network
from keras_groupnet.drawing.picture import FORMATS, render


class Drawing:
    """A picture of a network, drawn when it is first looked at; a notebook shows it.

    Args:
        network: what to draw.
    """

    def __init__(self, network: Network):
        self._name = network.name
        self._layout = lay_out(network)

    def __repr__(self) -> str:
        """The name of the model."""
        return f"<Drawing of {self._name!r}>"

    @functools.cached_property
    def svg(self) -> str:
        """The picture as SVG.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        return render(self._layout, "svg").decode()

    def _repr_svg_(self) -> str:
        """For notebooks."""
        return self.svg

    def save(self, path: str | os.PathLike) -> None:
        """Writes the picture to a file.

        Args:
            path: ends in `.svg` or `.png`.

        Raises:
            ValueError: the path does not fit.
            ModuleNotFoundError: matplotlib is not installed.
        """
        target = Path(path)
        kind = target.suffix[1:].lower()
        if kind not in FORMATS:
            raise ValueError(
                f"Expected a path that ends in .svg or .png. Received: path={str(path)!r}"
            )
        check_folder(target)
        content = self.svg.encode() if kind == "svg" else render(self._layout, kind)
        write_atomically(target, content)


def plot(
    model: keras.Model,
    path: str | os.PathLike | None = None,
    input_shape: Sequence[Any] | None = None,
) -> Drawing:
    """Draws a model: its groups, their bases, layers, shortcuts and sums.

    Residual blocks are boxes, the K bases of a group stand below each other in front of their sum
    (Fig. 2 of the paper); a long model is broken into rows, and what stands several times behind
    itself is drawn once. What a model is made of is told by its tensors, not by names, so that any
    Keras model can be drawn.

    Args:
        model: any built model: functional, Sequential, nested, with several inputs or outputs.
        path: of a file to write, `.svg` or `.png`; None only returns the drawing.
        input_shape: without the batch, for subclassed models; a list of shapes for several inputs.

    Returns:
        The drawing. A notebook shows it; `drawing.save(path)` writes it, `drawing.svg` is its text.

    Raises:
        ValueError: the model is not built or the path does not fit.
        ModuleNotFoundError: matplotlib is not installed (`pip install 'keras-groupnet[plot]'`).

    Example:
        `kgn.plot(kgn.models.ResNet18(bases=3, partition="v2"), "resnet18.svg")`

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, Fig. 2.
    """
    drawing = Drawing(keras_network(model, input_shape))
    if path is not None:
        drawing.save(path)
    return drawing
