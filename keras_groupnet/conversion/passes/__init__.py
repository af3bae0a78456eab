"""Rewriting passes over a converted model: one pass, one file, one job.

After every pass the model is valid: each op says exactly what docs/ops.md says. A pass returns
whether it changed anything.
"""

from __future__ import annotations

from collections.abc import Callable

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.passes import (
    fix_reshape,
    fold_activation,
    fold_batch_norm,
    fold_padding,
    fold_pixel_scale,
    fold_sums,
    merge_duplicates,
    name_tensors,
    pack_concat,
    pack_inputs,
    pack_outputs,
    pack_reshape,
    quantize,
    skip_activation,
    swap_with_concat,
    swap_with_mean,
)

_ORDER: tuple[tuple[Callable[[Graph], bool], ...], ...] = (
    (name_tensors.run,),
    (fix_reshape.run, quantize.run),
    (
        merge_duplicates.run,
        fold_padding.run,
        pack_reshape.run,
        pack_concat.run,
        pack_inputs.run,
    ),
    (
        skip_activation.run,
        swap_with_concat.run,
        fold_pixel_scale.run,
        fold_activation.run,
        fold_sums.run,
    ),
    (swap_with_mean.run, fold_batch_norm.run),
    (pack_outputs.run,),
)


def run(graph: Graph) -> None:
    """Runs all passes; the passes of one stage are repeated until none of them finds anything."""
    for stage in _ORDER:
        while any([one_pass(graph) for one_pass in stage]):
            graph.tidy()
    graph.tidy()
