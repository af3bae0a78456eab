"""What a method is: a way to make a low-bit network of blocks, and to train it."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from keras_groupnet.methods.corresponding import corresponding
from keras_groupnet.structure.blocks import Block


class Method:
    """The base of all methods: frozen dataclasses whose fields are the method's options.

    A model (`models.ResNet18(..., method=...)`) makes its stem and its classifier itself and leaves
    the blocks between them to the method.

    Attributes:
        name: the method's, one of `methods.names()`.
        reference: the paper.
        post_activation: whether layers are `conv -> BN -> ReLU`, as in full-precision networks.
            The stem then ends in a ReLU too, and the last block needs none behind it.
    """

    name: ClassVar[str]
    reference: ClassVar[str]
    post_activation: ClassVar[bool] = False

    @property
    def weight_bits(self) -> int:
        """Bits of one weight in a converted file."""
        return 1

    @property
    def activation_bits(self) -> int | Sequence[int]:
        """Bits of an input of a low-bit layer, 32 for floats; one per group if they differ."""
        return 1

    @property
    def branches(self) -> int | Sequence[int]:
        """Binary kernels that stand for one float kernel; one number per group if they differ."""
        return 1

    @property
    def channels_per_map(self) -> int:
        """Channels that share one latent filter (J of PCNN, K of MCN).

        The widths of models count channels, so that the networks of all methods are comparable:
        a layer of the method has `filters // channels_per_map` feature maps.
        """
        return 1

    @property
    def needs_teacher(self) -> bool:
        """Whether `trainer` needs a trained full-precision model."""
        return False

    @property
    def learns_from_previous(self) -> bool:
        """Whether the teacher of a stage but the first is the model of the stage before it."""
        return False

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        """Appends the low-bit version of the blocks to the float tensor `x`.

        Args:
            x: `(N, H, W, C)` or `(N, C)`.
            blocks: in order.
            seed: of the initial weights.
            first_group: number of the first group among those of the model.

        Returns:
            The float output of the last block.

        Raises:
            ValueError: if the method cannot make such blocks.
        """
        raise NotImplementedError

    def stem_activation(self, name: str) -> keras.layers.Layer | None:
        """What stands behind the batch norm of a model's stem; None for nothing.

        Args:
            name: of the layer, if it is a ReLU.
        """
        return keras.layers.ReLU(name=name) if self.post_activation else None

    def split(self, blocks: Sequence[int]) -> Sequence["Method"]:
        """The methods of chains of blocks that follow one another in a model.

        Args:
            blocks: of each chain, how many.

        Raises:
            ValueError: if the method cannot be cut so.
        """
        return [self] * len(blocks)

    def trainer(self, student: keras.Model, teacher: keras.Model | None = None) -> keras.Model:
        """The model to compile and fit, in order to train the `student`, which is converted.

        Args:
            student: a model of this method.
            teacher: the trained full-precision model of the same architecture, for methods with
                `needs_teacher`.

        Raises:
            ValueError: if the method needs a teacher and there is none.
        """
        return student

    def callbacks(self, model: keras.Model, train_data: Any) -> Sequence[keras.callbacks.Callback]:
        """The callbacks that training needs, new ones each time.

        Args:
            model: the student.
            train_data: what `fit` takes as `x`, with the targets.
        """
        return []

    def stages(self) -> Sequence["Method"]:
        """The methods to train one after another, as `training.fit` does; the last is this one.

        Each model but the first starts from the one before, see `start_from`.
        """
        return [self]

    def start_from(self, model: keras.Model, previous: keras.Model) -> None:
        """Copies the variables of the model of the stage before.

        Args:
            model: of this method.
            previous: of the method before it in `stages()`; its variables are copied wherever
                `model` has one of the same path and shape. Numbers that Keras gave to layers
                without a name do not count.

        Raises:
            ValueError: if the models share no trainable variable.
        """
        copied = False
        for source, variable in corresponding(previous.variables, model.variables):
            if self.carries(variable):
                # A copy: JAX gives the memory of a model that is trained to its successor.
                variable.assign(keras.ops.convert_to_numpy(source))
                copied = copied or variable.trainable
        if not copied:
            raise ValueError(
                "The models have no trainable variable of one path and shape in common. "
                f"Received: model={model.name!r}, previous={previous.name!r}"
            )

    def carries(self, variable: Any) -> bool:
        """Whether the value of this variable comes from the stage before."""
        return True
