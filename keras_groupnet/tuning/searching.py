"""The search for a partition, and for the bases and bits of its groups."""

import contextlib
import io
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_groupnet.methods import GroupNet, Method
from keras_groupnet.tuning.costs import cost_function, cost_label
from keras_groupnet.tuning.probe import count_blocks
from keras_groupnet.tuning.progress import SearchProgress
from keras_groupnet.tuning.recipe import build_candidate, compile_with_adam
from keras_groupnet.tuning.records import read_trials
from keras_groupnet.tuning.result import SearchResult
from keras_groupnet.tuning.space import Space

if TYPE_CHECKING:
    import keras_tuner

TUNERS = ("random", "bayesian", "hyperband", "evolution")
_SETTINGS = "search.json"


def search(
    build: Callable[[Method], keras.Model],
    train_data: Any,
    validation_data: Any,
    *,
    folder: str | os.PathLike[str],
    bases: Sequence[int] = (1, 3, 5),
    activation_bits: Sequence[int] = (1,),
    trials: int = 20,
    epochs: int = 5,
    tuner: str = "random",
    cost: str | Callable[[keras.Model], float] = "operations",
    limit: float | None = None,
    price: float = 0.0,
    objective: "str | keras_tuner.Objective" = "val_accuracy",
    parent: keras.Model | None = None,
    compile_model: Callable[[keras.Model], Any] = compile_with_adam,
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] = list,
    batch_size: int | None = None,
    seed: int = 0,
    verbose: bool = True,
    **options: Any,
) -> SearchResult:
    """Searches the partition of a model's blocks, and the bases and bits of each group.

    Trains one candidate of the `tuning.Space` after another for a few epochs. The one with the best
    score, `result.best`, is for training at length. Whatever the tuner, the first trials are the
    partitions of the paper, v1, v2 and v3 (those that the chains of blocks allow), each with the
    fewest bits and the same number of bases in all groups, the most that the limit allows.

    A search that was killed goes on where it stopped when it is called again, and one that has
    ended with more `trials`; several processes share one search, see docs/search.md.

    Args:
        build: returns a new model of the method that it is given. Its blocks are counted by itself.
        train_data: what `fit` takes as `x`, or a tuple of images and labels.
        validation_data: as in `fit`. The search selects by it, so keep a test set apart.
        folder: of the search: all trials, their records and weights.
        bases: the numbers of bases that a group may have.
        activation_bits: the bits that a group may have.
        trials: at most, with v1, v2 and v3.
        epochs: of a trial; Hyperband trains most for fewer.
        tuner: `"random"`, `"bayesian"`, `"hyperband"` or `"evolution"`, see `tuning.oracles`.
        cost: `"operations"` (Eq. 4), `"bytes"` of the converted file, `"milliseconds"` (estimated,
            for the profile of `CostModel.load()`), or a function of a model.
        limit: of the cost. Candidates above it are never trained; None for none.
        price: what twice the cost must bring, in units of the objective: the search maximizes
            `score = objective - price * log2(cost)`. With 0, the best within the limit.
        objective: one of what `fit` reports; its best epoch counts.
        parent: a trained full-precision model of `build`, whose weights each candidate starts from,
            see `transfer_weights`.
        compile_model: calls `compile` of a model; None of its state may be shared by models.
        callbacks: returns new callbacks for the `fit` of a candidate.
        batch_size: as in `fit`.
        seed: of the choice of candidates and of the training.
        verbose: whether progress is shown: bars on a terminal, a line for each trial elsewhere.
        **options: of `methods.GroupNet`, the same for all groups, such as `shortcut="float"`.

    Returns:
        All trials, the Pareto table, the best.

    Raises:
        ImportError: without KerasTuner.
        ValueError: for impossible arguments, a limit below all candidates, or a folder that holds a
            search with other arguments.

    Example:
    >>> def build(method):
    ...     return kgn.models.ResNet18((28, 28, 1), 10, stem="cifar", method=method)
    >>> result = kgn.search(
    ...     build, (x, y), (val_x, val_y), folder="search", bases=(1, 2, 3), limit=5e6
    ... )
    >>> print(result)
    >>> model = build(result.best)

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631 (v1), section 3.4.
    """
    keras_tuner = _keras_tuner()
    measure = cost_function(cost)
    _check(trials, epochs, tuner)
    target = _objective(keras_tuner, objective)
    space = Space(count_blocks(build), bases, activation_bits, options)
    folder = Path(folder).absolute()
    settings = {
        "blocks": space.blocks,
        "bases": space.bases,
        "activation_bits": space.activation_bits,
        "options": options,
        "epochs": epochs,
        "tuner": tuner,
        "cost": cost if isinstance(cost, str) else cost_label(cost),
        "limit": limit,
        "price": price,
        "objective": target.name,
        "seed": seed,
    }
    costs: dict[int, float] = {}

    def cost_of(method: GroupNet) -> float:
        number = space.index(method)
        if number not in costs:
            costs[number] = measure(build(method))
        return costs[number]

    def train_model(method: GroupNet) -> keras.Model:
        keras.utils.set_random_seed(seed)
        return build_candidate(build, method, compile_model, parent, seed)

    def score(value: float, cost: float) -> float:
        worth = value if target.direction == "max" else -value
        return worth - (price * math.log2(cost) if price else 0.0)

    if limit is not None:
        _check_limit(space, cost_of, limit)
    _check_folder(folder, settings)

    from keras_groupnet.tuning import oracles
    from keras_groupnet.tuning import tuner as tuners

    oracle = oracles.create(
        tuner,
        space,
        lambda method: limit is None or cost_of(method) <= limit,
        folder,
        seed=seed,
        trials=trials,
        epochs=epochs,
    )
    ended = len(read_trials(folder, options))
    with SearchProgress(trials, ended, target.name, verbose) as progress:
        with contextlib.redirect_stdout(io.StringIO()):  # it says that it goes on
            worker = tuners.GroupNetTuner(
                oracle,
                folder,
                space=space,
                build=train_model,
                cost=cost_of,
                score=score,
                objective=target,
                progress=progress,
            )
        worker.save()
        data = train_data if isinstance(train_data, tuple) else (train_data,)
        try:
            worker.search(
                *data,
                epochs=epochs,
                validation_data=validation_data,
                callbacks=callbacks,
                batch_size=batch_size,
            )
        except keras_tuner.errors.FatalRuntimeError as error:
            raise (error.__cause__ or error) from None
    return SearchResult(
        tuple(read_trials(folder, options)),
        target.name,
        target.direction == "max",
        cost_label(cost),
    )


def _keras_tuner() -> Any:
    try:
        import keras_tuner
    except ImportError as error:
        raise ImportError(
            "A search needs KerasTuner: `pip install 'keras_groupnet[search]'`."
        ) from error
    return keras_tuner


def _check(trials: int, epochs: int, tuner: str) -> None:
    for name, number in (("trials", trials), ("epochs", epochs)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"`{name}` must be a positive int. Received: {name}={number!r}")
    if tuner not in TUNERS:
        raise ValueError(f"`tuner` must be one of {TUNERS}. Received: tuner={tuner!r}")


def _objective(keras_tuner: Any, objective: Any) -> "keras_tuner.Objective":
    """The objective with its direction, which KerasTuner knows for the metrics of Keras."""
    return keras_tuner.oracles.RandomSearchOracle(objective=objective).objective


def _check_limit(space: Space, cost_of: Callable[[GroupNet], float], limit: float) -> None:
    """Raises ValueError if the smallest groups, few or many, are above the limit."""
    lowest = []
    for partition in (next(space.partitions()), (1,) * space.length):
        number = len(partition)
        method = GroupNet(
            bases=(min(space.bases),) * number,
            activation_bits=(min(space.activation_bits),) * number,
            partition=partition,
            **space.options,
        )
        lowest.append(cost_of(method))
    if min(lowest) > limit:
        raise ValueError(
            "`limit` must leave some candidate. The least bases and bits cost "
            f"{min(lowest):.6g}. Received: limit={limit!r}"
        )


def _check_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Raises ValueError if the folder holds another search; notes the settings of a new one."""
    settings = json.loads(json.dumps(settings, default=str))
    path = folder / _SETTINGS
    if not path.exists():
        # Other processes of the same search may be making it at this moment.
        others = [item for item in folder.glob("*") if not item.name.startswith(_SETTINGS)]
        if others and not path.exists():
            raise ValueError(
                "`folder` must be new, empty, or hold a search to go on with. "
                f"Received: folder={str(folder)!r}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{_SETTINGS}.{os.getpid()}")
        temporary.write_text(json.dumps(settings, indent=1))
        os.replace(temporary, path)
    stored = json.loads(path.read_text())
    different = "; ".join(
        f"{name} was {stored.get(name)!r} and is {settings.get(name)!r}"
        for name in {**stored, **settings}
        if stored.get(name) != settings.get(name)
    )
    if different:
        raise ValueError(
            "The folder holds a search with other arguments. Use the same, or another folder. "
            f"Received: folder={str(folder)!r}: {different}"
        )
