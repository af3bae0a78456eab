"""Warnings for binary layers that learn nothing."""

import warnings
from typing import Any

_STILL_FALLS = 0.01  # relative


class StarvedLayers:
    """Warns about a layer, once for each reason.

    - No sign of it flipped in the last `patience` epochs, while the loss fell by more than 1 %:
      the others learn. (When all is learned, nothing flips either, but nothing falls.)
    - More than `near_zero` of its latent weights are near zero: their signs are noise.
    - More than `dead` of its channels are dead.

    Args:
        patience: epochs.
        near_zero: a share.
        dead: a share.
    """

    def __init__(self, patience: int, near_zero: float, dead: float):
        self.patience = patience
        self.near_zero = near_zero
        self.dead = dead
        # JSON, so that a killed run goes on with it.
        self.state: dict[str, Any] = {"losses": [], "quiet": {}, "warned": []}

    def check(self, rows: list[dict[str, Any]], loss: float | None) -> None:
        """Looks at the rows of an epoch.

        Args:
            rows: of the CSV file.
            loss: of the epoch; None if it is not known.
        """
        if loss is not None:
            # That of the epoch before the first quiet one, and those of the quiet ones.
            self.state["losses"] = [*self.state["losses"], loss][-self.patience - 1 :]
        losses, quiet = self.state["losses"], self.state["quiet"]
        learning = len(losses) > self.patience and losses[0] - losses[-1] > _STILL_FALLS * abs(
            losses[0]
        )
        for row in rows:
            layer = row["layer"]
            quiet[layer] = quiet.get(layer, 0) + 1 if row["flip_ratio"] == 0 else 0
            if learning and quiet[layer] >= self.patience:
                self._warn(
                    layer,
                    "flips",
                    f"none of its binary weights has changed its sign in {quiet[layer]} epochs, "
                    "while the loss is still falling. Raise the learning rate of latent weights, "
                    "or start them nearer to zero, and clip them "
                    "(kernel_constraint=keras_groupnet.constraints.Clip()); see that its inputs "
                    "lie in the window of its input quantizer's gradient (a batch norm in front)",
                )
            if row["near_zero"] > self.near_zero:
                self._warn(
                    layer,
                    "near_zero",
                    f"{100 * row['near_zero']:.0f} % of its latent weights are near zero, so that "
                    "their signs are noise. Take weight decay off latent weights, and lower the "
                    "learning rate late in training",
                )
            if row["dead_channels"] > self.dead * row["channels"]:
                self._warn(
                    layer,
                    "dead",
                    f"{row['dead_channels']} of its {row['channels']} output channels are dead: "
                    "constant on the probe, or without a gradient. Put a batch norm between it and "
                    "the next quantizer, lower the learning rate, or make the layer narrower",
                )

    def _warn(self, layer: str, reason: str, text: str) -> None:
        key = f"{layer}: {reason}"
        if key not in self.state["warned"]:
            self.state["warned"].append(key)
            warnings.warn(f"Layer {layer!r} is starved: {text}.", stacklevel=2)
