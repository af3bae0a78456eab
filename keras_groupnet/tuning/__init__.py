"""The search for partitions, bases and bits: the space, the recipe, the parts of `kgn.search`.

Only `search` and `oracles` need KerasTuner.
"""

from keras_groupnet.tuning.costs import COSTS, cost_function
from keras_groupnet.tuning.probe import count_blocks
from keras_groupnet.tuning.recipe import compile_with_adam, recipe
from keras_groupnet.tuning.records import SearchTrial, pareto
from keras_groupnet.tuning.result import SearchResult
from keras_groupnet.tuning.searching import TUNERS, search
from keras_groupnet.tuning.space import Space

__all__ = [
    "COSTS",
    "TUNERS",
    "SearchResult",
    "SearchTrial",
    "Space",
    "compile_with_adam",
    "cost_function",
    "count_blocks",
    "pareto",
    "recipe",
    "search",
]
