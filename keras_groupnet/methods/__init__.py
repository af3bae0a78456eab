"""The methods by name: Group-Net, PCNN, RBCN, MCN, their baselines, and today's."""

import warnings
from typing import Any

from keras_groupnet.methods.abc_net import ABCNet
from keras_groupnet.methods.apprentice import Apprentice
from keras_groupnet.methods.bi_real import BiReal
from keras_groupnet.methods.bnn import BNN
from keras_groupnet.methods.dorefa import DoReFa
from keras_groupnet.methods.el_net import ELNet
from keras_groupnet.methods.full_precision import FullPrecision
from keras_groupnet.methods.group_net import GroupNet
from keras_groupnet.methods.hwgq import HWGQ
from keras_groupnet.methods.lsq import LSQ
from keras_groupnet.methods.mcn import MCN, MCN1
from keras_groupnet.methods.method import Method
from keras_groupnet.methods.pact import PACT
from keras_groupnet.methods.pcnn import PCNN
from keras_groupnet.methods.rbcn import RBCN
from keras_groupnet.methods.react_net import ReActNet
from keras_groupnet.methods.real_to_binary import RealToBinary
from keras_groupnet.methods.single_branch import SingleBranch
from keras_groupnet.methods.syq import SYQ
from keras_groupnet.methods.xnor_net import XnorNet

_METHODS: dict[str, type[Method]] = {
    "full_precision": FullPrecision,
    "group_net": GroupNet,
    "bnn": BNN,
    "xnor_net": XnorNet,
    "dorefa": DoReFa,
    "hwgq": HWGQ,
    "syq": SYQ,
    "abc_net": ABCNet,
    "bi_real": BiReal,
    "el_net": ELNet,
    "apprentice": Apprentice,
    "pcnn": PCNN,
    "rbcn": RBCN,
    "mcn": MCN,
    "mcn_1": MCN1,
    "react_net": ReActNet,
    "real_to_binary": RealToBinary,
    "lsq": LSQ,
    "pact": PACT,
}

__all__ = [
    "ABCNet",
    "Apprentice",
    "BNN",
    "BiReal",
    "DoReFa",
    "ELNet",
    "FullPrecision",
    "GroupNet",
    "HWGQ",
    "LSQ",
    "MCN",
    "MCN1",
    "Method",
    "PACT",
    "PCNN",
    "RBCN",
    "ReActNet",
    "RealToBinary",
    "SYQ",
    "SingleBranch",
    "XnorNet",
    "get",
    "names",
]


def names() -> list[str]:
    """The names that `get` knows."""
    return list(_METHODS)


def get(method: str | Method) -> Method:
    """Returns the method of a name, with the options of its paper.

    Args:
        method: one of `names()`, or a `Method` with options of its own, which is returned.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(method, Method):
        return method
    if method in _METHODS:
        return _METHODS[method]()
    raise ValueError(
        f"`method` must be one of {names()} or a keras_groupnet.methods.Method. "
        f"Received: method={method!r}"
    )


def __getattr__(name: str) -> Any:
    if name != "list":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        "keras_groupnet.methods.list is deprecated, use keras_groupnet.methods.names",
        DeprecationWarning,
        stacklevel=2,
    )
    return names
