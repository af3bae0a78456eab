"""From any functional or Sequential Keras model to a low-bit network: `keras_groupnet.expand`."""

from keras_groupnet.expansion.blocks import FoundBlock
from keras_groupnet.expansion.expand import expand, plan_expansion
from keras_groupnet.expansion.plan import ExpansionPlan
from keras_groupnet.expansion.table import ExpansionTable, LayerRow

__all__ = [
    "ExpansionPlan",
    "ExpansionTable",
    "FoundBlock",
    "LayerRow",
    "expand",
    "plan_expansion",
]
